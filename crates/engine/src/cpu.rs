//! What this processor can do, and how many threads to use on it.
//!
//! Never here: a probe that runs code the processor may not have.

use std::num::NonZero;

/// Checks that the processor has what llama.cpp was compiled for: on x86-64 its build with `GGML_NATIVE=OFF` uses SSE4.2,
/// AVX, AVX2, F16C, FMA and BMI2. Without one of them the first step would end in SIGILL.
///
/// # Errors
/// What is missing, and what to do.
pub(crate) fn check() -> Result<(), String> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "This processor lacks {}, which the embedded engine was compiled for. Use a place with another engine (Ollama, \
         llama-server), or build Dewpoint without the engine.",
        missing.join(", ")
    ))
}

#[cfg(target_arch = "x86_64")]
fn missing() -> Vec<&'static str> {
    let has = [
        ("SSE4.2", is_x86_feature_detected!("sse4.2")),
        ("AVX", is_x86_feature_detected!("avx")),
        ("AVX2", is_x86_feature_detected!("avx2")),
        ("F16C", is_x86_feature_detected!("f16c")),
        ("FMA", is_x86_feature_detected!("fma")),
        ("BMI2", is_x86_feature_detected!("bmi2")),
    ];
    has.into_iter().filter(|(_, there)| !there).map(|(name, _)| name).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn missing() -> Vec<&'static str> {
    Vec::new()
}

/// Models up to this size are computed by one thread: waking others costs more than they save.
const SMALL_BYTES: u64 = 64 << 20;

/// Threads for a model of this size: one for a small model, else physical cores less one. With as many threads as cores
/// llama.cpp's spinning barrier collapses as soon as anything else runs.
pub(crate) fn threads(model_bytes: u64) -> u16 {
    if model_bytes <= SMALL_BYTES {
        return 1;
    }
    let logical = std::thread::available_parallelism().map_or(1, NonZero::get);
    let cores = physical_cores().unwrap_or(logical).min(logical);
    u16::try_from(cores.saturating_sub(1).clamp(1, 128)).unwrap_or(1)
}

/// Physical cores as Linux lists them: each core is counted at the first of its sibling threads.
fn physical_cores() -> Option<usize> {
    let mut cores = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir("/sys/devices/system/cpu").ok()?.flatten() {
        if let Ok(siblings) = std::fs::read_to_string(entry.path().join("topology/thread_siblings_list")) {
            cores.insert(siblings);
        }
    }
    (!cores.is_empty()).then_some(cores.len())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_small_model_gets_one_thread_and_a_large_one_leaves_a_core() {
        assert_eq!(super::threads(8 << 20), 1);
        let many = usize::from(super::threads(8 << 30));
        assert!(many >= 1 && many <= std::thread::available_parallelism().map_or(1, |n| n.get()));
    }
}
