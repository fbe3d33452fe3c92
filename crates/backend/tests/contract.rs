//! The contract suite of backends, for every profile.

testkit::backend_contract!(
    openai => "openai",
    anthropic => "anthropic",
    gemini => "gemini",
    openrouter => "openrouter",
    qubrid => "qubrid",
    together => "together",
    groq => "groq",
    mistral => "mistral",
    deepseek => "deepseek",
    xai => "xai",
    ollama => "ollama",
    llama_server => "llama-server",
    vllm => "vllm",
    sglang => "sglang",
    tensorrt_llm => "tensorrt-llm",
    generic => "generic",
);

/// A profile that is added to the table has to be added here.
#[test]
fn every_profile_is_tested() {
    assert_eq!(backend::PROFILES.len(), 16);
}
