//! Numbers of a model's shape that cannot be, each of which llama.cpp answers with an abort instead of an error
//! (`GGML_ASSERT` in `llama-model.cpp` and `models/*.cpp` of the pinned version).
//!
//! Never here: reading, tensors.

use super::Header;

/// llama.cpp's `LLAMA_MAX_LAYERS` and `LLAMA_MAX_EXPERTS`.
const LAYERS_MAX: u64 = 512;
const EXPERTS_MAX: u64 = 1024;
/// Architectures whose heads are turned by their position as a whole.
const WHOLE_ROTATION: [&str; 6] = ["qwen2", "qwen2moe", "qwen3", "qwen3moe", "internlm2", "starcoder2"];

/// Looks at the numbers that are there; values per layer (arrays) and absent ones are left to the loader.
///
/// # Errors
/// Which number is impossible, and why.
pub(super) fn check(header: &Header) -> Result<(), String> {
    let number = |key: &str| header.arch_uint(key);
    if let Some(layers) = number("block_count").filter(|n| !(1..=LAYERS_MAX).contains(n)) {
        return Err(format!("block_count is {layers}, and 1 to {LAYERS_MAX} are possible"));
    }
    if number("embedding_length") == Some(0) {
        return Err("embedding_length is 0".into());
    }
    heads(header)?;
    experts(number("expert_count").unwrap_or(0), header)
}

fn heads(header: &Header) -> Result<(), String> {
    let number = |key: &str| header.arch_uint(key);
    // Zero heads are right for models without attention.
    let Some(heads) = number("attention.head_count").filter(|n| *n > 0) else { return Ok(()) };
    if let Some(kv) = number("attention.head_count_kv").filter(|kv| *kv > heads || (*kv > 0 && heads % kv != 0)) {
        return Err(format!("{heads} attention heads cannot share {kv} heads of keys and values"));
    }
    let width = match (number("attention.key_length"), number("embedding_length")) {
        (Some(width), _) => width,
        (None, Some(embedding)) if embedding % heads == 0 => embedding / heads,
        (None, Some(embedding)) => {
            return Err(format!("embedding_length {embedding} cannot be divided among {heads} attention heads"));
        }
        (None, None) => return Ok(()),
    };
    let latent = header.text("general.architecture") == Some("deepseek2");
    let turned = match number("rope.dimension_count") {
        Some(turned) => turned,
        None if latent => width,
        None => return Ok(()),
    };
    let whole = header.text("general.architecture").is_some_and(|a| WHOLE_ROTATION.contains(&a));
    if turned > width || (whole && turned != width) {
        return Err(format!("rope.dimension_count is {turned}, and an attention head has {width} values"));
    }
    let whole = number("attention.key_length_mla").filter(|mla| *mla > 0).unwrap_or(width);
    if latent && turned >= whole {
        return Err(format!("rope.dimension_count is {turned}, and a head of {whole} values must have more"));
    }
    Ok(())
}

fn experts(experts: u64, header: &Header) -> Result<(), String> {
    let number = |key: &str| header.arch_uint(key);
    let used = number("expert_used_count");
    let wrong = used.is_some_and(|used| used > experts || (experts > 0 && used == 0));
    if experts > EXPERTS_MAX || wrong {
        let used = used.unwrap_or(0);
        return Err(format!("{used} of {experts} experts are to be used; at most {EXPERTS_MAX} are possible"));
    }
    let groups = number("expert_group_count").unwrap_or(0);
    let used = number("expert_group_used_count").unwrap_or(0);
    let uneven = groups > 1 && (experts % groups != 0 || used == 0 || used >= groups);
    if groups > 0 && (groups >= experts || uneven) {
        return Err(format!("{experts} experts cannot form {groups} groups of which {used} are used"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::check;
    use crate::gguf::{Header, Scalar};

    fn said(arch: &str, numbers: &[(&str, i128)]) -> Result<(), String> {
        let mut header = Header::default();
        header.scalars.insert("general.architecture".into(), Scalar::Text(arch.into()));
        for (key, value) in numbers {
            header.scalars.insert(format!("{arch}.{key}"), Scalar::Int(*value));
        }
        check(&header)
    }

    #[test]
    fn each_number_is_taken_at_its_bound_and_refused_past_it() {
        assert_eq!(said("llama", &[]), Ok(()));
        for (good, bad) in [(1, 0), (512, 513)] {
            assert_eq!(said("llama", &[("block_count", good)]), Ok(()));
            assert!(said("llama", &[("block_count", bad)]).unwrap_err().contains("block_count"));
        }
        assert!(said("llama", &[("embedding_length", 0)]).is_err());
        let heads = |heads, kv, width, rope| {
            let names = ["attention.head_count", "attention.head_count_kv", "embedding_length", "rope.dimension_count"];
            names.into_iter().zip([heads, kv, width, rope]).collect::<Vec<_>>()
        };
        assert_eq!(said("llama", &heads(4, 2, 128, 32)), Ok(()));
        assert_eq!(said("phi2", &heads(4, 4, 128, 16)), Ok(()), "some models turn a part of each head");
        assert_eq!(said("mamba", &heads(0, 0, 128, 0)), Ok(()));
        for bad in [heads(4, 3, 128, 32), heads(4, 8, 128, 32), heads(4, 2, 130, 32), heads(4, 2, 128, 33)] {
            assert!(said("llama", &bad).is_err(), "{bad:?}");
        }
        assert!(said("qwen2", &heads(4, 2, 128, 16)).is_err());
    }

    #[test]
    fn experts_and_their_groups_fit() {
        let with = |count, used, groups, groups_used| {
            let names = ["expert_count", "expert_used_count", "expert_group_count", "expert_group_used_count"];
            said("deepseek2", &names.into_iter().zip([count, used, groups, groups_used]).collect::<Vec<_>>())
        };
        assert_eq!(with(8, 2, 4, 2), Ok(()));
        assert_eq!(with(1024, 1024, 0, 0), Ok(()));
        assert_eq!(with(0, 0, 0, 0), Ok(()));
        for (count, used, groups, groups_used) in [
            (1025, 2, 0, 0),
            (8, 9, 0, 0),
            (8, 0, 0, 0),
            (8, 2, 8, 2),
            (8, 2, 3, 2),
            (8, 2, 4, 4),
            (8, 2, 4, 0),
            (0, 2, 0, 0),
        ] {
            assert!(with(count, used, groups, groups_used).is_err(), "{count} {used} {groups} {groups_used}");
        }
    }
}
