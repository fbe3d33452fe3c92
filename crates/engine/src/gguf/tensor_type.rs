//! Sizes of the tensor types a GGUF file may hold, as `ggml.h` of the pinned llama.cpp defines them (a test compares).
//!
//! Never here: reading of files.

/// Elements per block and bytes per block of a type number; `None` for a number this build does not know.
pub(crate) const fn block(number: u32) -> Option<(u64, u64)> {
    Some(match number {
        0 | 26 => (1, 4),      // F32, I32
        1 | 25 | 30 => (1, 2), // F16, I16, BF16
        2 | 20 => (32, 18),    // Q4_0, IQ4_NL
        3 => (32, 20),         // Q4_1
        6 => (32, 22),         // Q5_0
        7 => (32, 24),         // Q5_1
        8 => (32, 34),         // Q8_0
        9 => (32, 36),         // Q8_1
        10 => (256, 84),       // Q2_K
        11 | 21 => (256, 110), // Q3_K, IQ3_S
        12 => (256, 144),      // Q4_K
        13 => (256, 176),      // Q5_K
        14 => (256, 210),      // Q6_K
        15 => (256, 292),      // Q8_K
        16 | 35 => (256, 66),  // IQ2_XXS, TQ2_0
        17 => (256, 74),       // IQ2_XS
        18 => (256, 98),       // IQ3_XXS
        19 => (256, 50),       // IQ1_S
        22 => (256, 82),       // IQ2_S
        23 => (256, 136),      // IQ4_XS
        24 => (1, 1),          // I8
        27 | 28 => (1, 8),     // I64, F64
        29 => (256, 56),       // IQ1_M
        34 => (256, 54),       // TQ1_0
        39 => (32, 17),        // MXFP4
        40 => (64, 36),        // NVFP4
        41 => (128, 18),       // Q1_0
        42 => (64, 18),        // Q2_0
        _ => return None,
    })
}

#[cfg(all(test, feature = "llama"))]
mod tests {
    use super::block;

    /// Numbers of types that llama.cpp has removed; its table has zeros there.
    const REMOVED: [u32; 8] = [4, 5, 31, 32, 33, 36, 37, 38];

    #[test]
    #[allow(unsafe_code, reason = "two pure functions of ggml that read a constant table")]
    fn the_table_is_that_of_the_pinned_llama_cpp() {
        for number in (0..llama_cpp_sys_2::GGML_TYPE_COUNT).filter(|n| !REMOVED.contains(n)) {
            // SAFETY: both read a constant table, and `number` is below its length.
            let theirs = unsafe {
                let per_block = llama_cpp_sys_2::ggml_blck_size(number);
                (u64::try_from(per_block).unwrap_or(0), llama_cpp_sys_2::ggml_type_size(number) as u64)
            };
            assert_eq!(block(number), Some(theirs), "type {number}");
        }
        for number in REMOVED.into_iter().chain([llama_cpp_sys_2::GGML_TYPE_COUNT]) {
            assert_eq!(block(number), None, "type {number}");
        }
    }
}
