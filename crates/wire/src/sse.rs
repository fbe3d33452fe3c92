//! Framing: server-sent events and NDJSON lines out of arbitrary chunks of bytes.
