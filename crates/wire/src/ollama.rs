//! Ollama's native dialect: `/api/chat` over NDJSON.
