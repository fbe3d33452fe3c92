//! Anthropic's dialect: messages.
