//! OpenAI's dialect: chat completions and legacy completions.
