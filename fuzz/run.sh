#!/usr/bin/env bash
# Runs every fuzz target for the given number of seconds (default 10), from the seeds in seeds/. A finding ends the run
# with its file name; `cargo fuzz run TARGET FILE` shows it again.
#
# Needs cargo-fuzz (installed if missing) and a C++ compiler. RUSTC_BOOTSTRAP lets the toolchain of the workspace take
# the sanitizer flags that are otherwise for nightly only.
set -euo pipefail
cd "$(dirname "$0")"
seconds="${1:-10}"
[ "$#" -le 1 ] && [[ "$seconds" =~ ^[0-9]+$ ]] || { echo "usage: $0 [seconds for each target]" >&2; exit 2; }

command -v c++ >/dev/null || { echo "$0: no C++ compiler. Install one: apt install g++, or xcode-select --install." >&2; exit 1; }
if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "installing cargo-fuzz"
    cargo install cargo-fuzz --version '^0.13' --locked
fi

export RUSTC_BOOTSTRAP=1
cargo fuzz build
for target in $(cargo fuzz list); do
    echo "== $target, $seconds s"
    mkdir -p "corpus/$target"
    cargo fuzz run "$target" "corpus/$target" "seeds/$target" -- \
        -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -max_len=16384 -print_final_stats=0 -verbosity=0
done
echo "no findings"
