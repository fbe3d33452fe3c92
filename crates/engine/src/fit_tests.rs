//! The estimate against arithmetic done by hand, and the plan at its limits.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::gguf;
use crate::tiny::Tiny;
use proptest::prelude::*;

const GIB: u64 = 1 << 30;

fn tiny() -> Fit {
    Fit::new(&gguf::read(std::io::Cursor::new(Tiny::default().bytes())).unwrap())
}

/// The shape of an 8B model in 4 bits with 32 layers of 8 heads of 128.
fn eight() -> Fit {
    Fit {
        weights: 4_900 << 20,
        repacked: 3_800 << 20,
        experts: 0,
        layers: 32,
        numbers: 32 * 8 * 256,
        vocabulary: 128_256,
        width: 4096,
        hidden: 14_336,
    }
}

fn wish() -> Wish {
    Wish {
        context: 8192,
        fixed: false,
        slots: None,
        cells: None,
        cache: CacheType::F16,
        batch: 512,
        gpu_layers: None,
        experts_on_cpu: false,
        beside: 0,
        host_free: Some(32 * GIB),
        gpu_free: None,
    }
}

#[test]
fn a_header_gives_weights_and_cache() {
    let fit = tiny();
    assert_eq!(fit.weights, 4 * (2 * 259 * 64 + 3 * 64 + 4 * 64 * 64 + 3 * 64 * 32));
    assert_eq!((fit.repacked, fit.experts, fit.layers, fit.vocabulary), (0, 0, 1, 259));
    // One layer, two heads of 32, key and value.
    assert_eq!(fit.cache_per_cell(CacheType::F16), 2 * 2 * 64);
    assert_eq!(fit.cache_per_cell(CacheType::Q8_0), 2 * 64 * 34 / 32);
    assert_eq!(fit.cache_per_cell(CacheType::Q4_0), 2 * 64 * 18 / 32);
    assert_eq!(fit.cache(1, CacheType::F16), 256 * 256, "cells come in 256");
    assert_eq!(eight().cache(8192, CacheType::F16), GIB, "as llama.cpp says of Llama 3 8B");
}

#[test]
fn what_is_repacked_depends_on_type_and_rows() {
    let tensor = |kind, dimensions, rows| {
        let mut tensor = gguf_tensor();
        (tensor.kind, tensor.dimensions, tensor.rows) = (kind, dimensions, rows);
        tensor
    };
    assert!(!repackable(&tensor(0, 2, 64)), "32 bits stay");
    assert!(!repackable(&tensor(12, 1, 64)), "a vector stays");
    if cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) {
        assert!(repackable(&tensor(12, 2, 64)) && repackable(&tensor(2, 3, 64)));
        assert!(!repackable(&tensor(12, 2, 65)));
    }
}

fn gguf_tensor() -> Tensor {
    gguf::read(std::io::Cursor::new(Tiny::default().bytes())).unwrap().tensors[0].clone()
}

#[test]
fn plenty_of_memory_gives_whole_contexts_up_to_a_quarter_of_it() {
    let plan = super::plan(&eight(), &wish()).unwrap();
    assert_eq!((plan.context, plan.slots), (8192, 16));
    assert_eq!(plan.cells, 8 * 8192, "a quarter of 32 GiB is 8 GiB, and a context takes 1 GiB");
    assert!(plan.host > 12 * GIB && plan.host < 14 * GIB);
    let small = super::plan(&tiny(), &wish()).unwrap();
    assert_eq!(small.cells, 16 * 8192);
    assert_eq!(super::plan(&tiny(), &Wish { slots: Some(0), ..wish() }).unwrap().slots, 1);
    assert_eq!(super::plan(&tiny(), &Wish { slots: Some(1000), ..wish() }).unwrap().slots, SLOTS_MAX);
}

#[test]
fn little_memory_shrinks_what_nobody_asked_for() {
    let plan = super::plan(&eight(), &Wish { host_free: Some(11 * GIB / 2), ..wish() }).unwrap();
    assert!(plan.context < 8192 && plan.context >= CONTEXT_LEAST && plan.cells >= plan.context, "{plan:?}");
    assert!(plan.host <= 11 * GIB / 2);
}

#[test]
fn the_limit_is_exact_and_one_byte_less_is_refused_with_advice() {
    let fixed = Wish { fixed: true, slots: Some(1), ..wish() };
    let need = super::plan(&eight(), &fixed).unwrap().host;
    let at = |host_free| super::plan(&eight(), &Wish { host_free: Some(host_free), ..fixed });
    assert_eq!(at(need).unwrap().cells, 8192);
    let why = at(need - 1).unwrap_err();
    assert!(
        why.contains("needs about") && why.contains("are free") && why.contains("`context_tokens` to 4096"),
        "{why}"
    );
    let why = at(GIB).unwrap_err();
    assert!(why.contains("Use a smaller or more strongly quantised model"), "{why}");
    let many = Wish { cells: Some(65_536), host_free: Some(8 * GIB), ..wish() };
    let why = super::plan(&eight(), &many).unwrap_err();
    assert!(why.contains("`cache_tokens` to"), "{why}");
    let tight = Wish {
        context: 512,
        host_free: Some(super::plan(&eight(), &Wish { context: 512, slots: Some(1), ..wish() }).unwrap().host - 1),
        slots: Some(1),
        ..wish()
    };
    assert!(super::plan(&eight(), &tight).unwrap_err().contains("q8_0"));
}

#[test]
fn what_is_unknown_refuses_nothing() {
    let plan = super::plan(&eight(), &Wish { host_free: None, ..wish() }).unwrap();
    assert_eq!((plan.context, plan.cells, plan.gpu_layers), (8192, 8192, None));
}

#[test]
fn a_gpu_takes_the_layers_that_fit_and_experts_go_first() {
    let on = |gpu_free| super::plan(&eight(), &Wish { gpu_free: Some(gpu_free), ..wish() }).unwrap();
    assert_eq!(on(80 * GIB).gpu_layers, Some(33));
    let half = on(4 * GIB);
    assert!(half.gpu_layers.is_some_and(|n| n > 5 && n < 33) && half.gpu <= 4 * GIB, "{half:?}");
    assert_eq!(on(0).gpu_layers, Some(0));
    let mixture = Fit { weights: 40 * GIB, experts: 36 * GIB, ..eight() };
    let plan = super::plan(&mixture, &Wish { gpu_free: Some(8 * GIB), host_free: Some(64 * GIB), ..wish() }).unwrap();
    assert!(plan.experts_on_cpu && plan.gpu_layers == Some(33), "{plan:?}");
    assert!(
        !super::plan(&mixture, &Wish { gpu_free: Some(80 * GIB), host_free: Some(64 * GIB), ..wish() })
            .unwrap()
            .experts_on_cpu
    );
    assert_eq!(
        super::plan(&eight(), &Wish { gpu_layers: Some(0), gpu_free: Some(80 * GIB), ..wish() }).unwrap().gpu,
        0
    );
}

proptest! {
    #[test]
    fn a_plan_fits_and_holds_a_context_whatever_the_numbers(
        weights in any::<u64>(), numbers in 0u64..1 << 30, layers in 0u64..2000, vocabulary in any::<u64>(),
        context in 64u32..1 << 20, slots in proptest::option::of(any::<u16>()), cells in proptest::option::of(any::<u32>()),
        fixed in any::<bool>(), host_free in proptest::option::of(any::<u64>()), gpu_free in proptest::option::of(any::<u64>()),
        gpu_layers in proptest::option::of(any::<u32>()), experts in any::<u64>(), batch in 1u32..4096, beside in any::<u64>(),
    ) {
        let fit = Fit { weights, repacked: 0, experts, layers, numbers, vocabulary, width: 64, hidden: 64 };
        let wish = Wish {
            context, fixed, slots, cells, batch, gpu_layers, beside, host_free, gpu_free,
            cache: CacheType::Q8_0, experts_on_cpu: false,
        };
        match super::plan(&fit, &wish) {
            Ok(plan) => {
                prop_assert!(plan.cells >= plan.context && plan.context <= context && plan.slots >= 1);
                prop_assert!(!fixed || plan.context == context);
                prop_assert!(plan.host <= host_free.unwrap_or(u64::MAX));
            }
            Err(why) => prop_assert!(why.contains("are free") && host_free.is_some()),
        }
    }
}
