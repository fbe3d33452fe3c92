//! One key for the many ways of writing a GPU: `NVIDIA H100-SXM-80GB`, `H100 SXM5` and `h100-80gb` are `h100`.
//!
//! Never here: what a GPU can do.

/// Words that do not tell GPUs of one key apart: how they are built in, or how many cores and how much memory they have.
const PLAIN: [&str; 9] = ["nvidia", "amd", "instinct", "geforce", "gpu", "sxm", "sxm4", "sxm5", "s"];

/// The key of a GPU. `vram_gb` where it stands apart from the name.
pub(super) fn key(name: &str, vram_gb: Option<u32>) -> String {
    let name = name.split('(').next().unwrap_or_default().to_ascii_lowercase().replace("rtxpro", "rtx pro ");
    let words = name.split([' ', '-']).filter(|w| !w.is_empty());
    let mut key: Vec<&str> = words.filter(|w| !PLAIN.contains(w) && !is_size(w)).collect();
    let small = vram_gb == Some(40) || name.contains("40gb");
    if key.first() == Some(&"a100") && small {
        key.push("40gb");
    }
    let number = |w: &&str| w.len() == 4 && w.bytes().all(|b| b.is_ascii_digit());
    if key.first().is_some_and(number) && key.get(1) != Some(&"ada") || key.first() == Some(&"a6000") {
        key.insert(0, "rtx");
    }
    key.join("-")
}

/// `80gb`, `7‑core`, and what is no word at all.
fn is_size(word: &str) -> bool {
    word.ends_with("gb")
        || word.contains("core")
        || !word.is_ascii()
        || word.bytes().all(|b| b.is_ascii_digit()) && word.len() < 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_gpu_has_one_key() {
        for (name, vram, wanted) in [
            ("NVIDIA H100-SXM-80GB", None, "h100"),
            ("H100 SXM5", Some(80), "h100"),
            ("h100-80gb", None, "h100"),
            ("H100 PCIe 80GB", None, "h100-pcie"),
            ("H100 NVL", Some(94), "h100-nvl"),
            ("A100 SXM 80GB", None, "a100"),
            ("A100-80GB SXM4", Some(80), "a100"),
            ("A100 PCIe", Some(40), "a100-pcie-40gb"),
            ("B200 SXM (estimated)", Some(180), "b200"),
            ("RTXPRO6000", None, "rtx-pro-6000"),
            ("RTX PRO 6000 S", Some(96), "rtx-pro-6000"),
            ("4090 24GB", None, "rtx-4090"),
            ("3080 Ti 12GB", None, "rtx-3080-ti"),
            ("RTX A6000 48GB", None, "rtx-a6000"),
            ("A6000", Some(48), "rtx-a6000"),
            ("RTX 6000 Ada 48GB", None, "rtx-6000-ada"),
            ("M2 Ultra 76-Core GPU 192GB", None, "m2-ultra"),
            ("M1 7\u{2011}Core GPU 8GB", None, "m1"),
            ("MI300X", Some(192), "mi300x"),
        ] {
            assert_eq!(key(name, vram), wanted, "{name}");
        }
    }
}
