# The front door. `make help` lists what there is; each target installs what it needs, only what is missing, and says so.
#
# One cargo profile (release) for everything, and always the whole workspace: llama.cpp costs some 16 CPU-minutes and is
# built once, for run, test and bench alike.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)

BIN := $(or $(CARGO_TARGET_DIR),target)/release/dewpoint
TO_BUILD := rust cxx cmake libclang
VENV := .venv
# What the end-to-end tests start; set it to test another build.
export DEWPOINT_BIN ?= $(abspath $(BIN))

.PHONY: help run build build-gateway test faults prove bench bench-engine chaos soak storm survival lint fmt fuzz tidy test-rust test-sdk test-engines dist clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  make run ARGS="--listen 127.0.0.1:5000"   passes arguments on to `dewpoint serve`'
	@echo '  make test-sdk T="-k stream"               passes arguments on to pytest'

run: build ## Build and start Dewpoint on 127.0.0.1:4141
	exec $(BIN) serve $(ARGS)

build: ## Build the binary: target/release/dewpoint
	@scripts/setup $(TO_BUILD)
	cargo build --release --workspace --bins --locked

build-gateway: ## The binary without the embedded engine: no cmake, no libclang, 3 CPU-minutes
	@scripts/setup rust
	cargo build --release -p app --no-default-features --locked

test: lint test-rust bench-count fuzz-brief test-sdk ## Everything that must hold: lint, tests, instruction counts, fuzz (briefly), end to end; what CI runs

test-rust: ## Unit, contract and property tests, doc tests
	@scripts/setup $(TO_BUILD)
	@if cargo nextest --version >/dev/null 2>&1; then \
	  echo 'cargo nextest run --release --workspace --locked'; cargo nextest run --release --workspace --locked --no-fail-fast; \
	else \
	  echo 'cargo test --release --workspace --all-targets --locked   (cargo-nextest is not installed)'; \
	  cargo test --release --workspace --bins --lib --tests --locked --no-fail-fast; \
	fi
	cargo test --doc --release --workspace --locked

faults: ## Only the suite of faults, against the real binary; T=fault_31 for one of them
	@scripts/setup $(TO_BUILD)
	cargo test --release -p app --test faults --locked -- $(T)

prove: ## What may not leave never leaves: network namespaces, a sniffer, the kernel's counters, strace; prints the table
	@scripts/setup $(TO_BUILD)
	scripts/prove $(T)

test-sdk: build $(VENV)/.ready ## End to end: the real binary, driven by the openai and anthropic Python SDKs
	$(VENV)/bin/python -m pytest tests/sdk $(T)

test-engines: build $(VENV)/.ready ## The same against llama.cpp's own server (builds it first: about 8 minutes)
	DEWPOINT_LLAMA_SERVER="$$(scripts/llama-server)" $(VENV)/bin/python -m pytest tests/sdk/test_engines.py $(T)

$(VENV)/.ready: tests/sdk/requirements.txt
	@scripts/setup python
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install -q --disable-pip-version-check -r tests/sdk/requirements.txt
	@touch $@

SURVIVE := cargo test --release -q -p app --locked

chaos: ## Kill the server 200 times under load and hold its ledger against the clients' own account; KILLS=n, SEED=n
	@scripts/setup $(TO_BUILD)
	DEWPOINT_CHAOS_KILLS=$(or $(KILLS),200) $(if $(SEED),DEWPOINT_CHAOS_SEED=$(SEED)) $(SURVIVE) --test chaos -- --nocapture --test-threads 1

soak: ## Five minutes of mixed faults, memory and descriptors watched; SECONDS_LONG=n, SEED=n
	@scripts/setup $(TO_BUILD)
	DEWPOINT_SOAK_S=$(or $(SECONDS_LONG),300) $(if $(SEED),DEWPOINT_SOAK_SEED=$(SEED)) $(SURVIVE) --test soak -- --nocapture --test-threads 1

storm: ## Every upstream down for a minute at 500 requests/s; a replica, then an upstream, gets slow: tables
	@scripts/setup $(TO_BUILD)
	DEWPOINT_STORM=full $(SURVIVE) --test storm -- --nocapture --test-threads 1

survival: export DEWPOINT_PAGE := $(abspath docs/book/survival.md)
survival: chaos soak storm ## All three, and their tables and pictures into docs/book/survival.md (about 12 minutes)

BENCH := cargo bench --locked

bench: ## Instructions per decision (callgrind), CPU time per proxied request as a ratio to a bare proxy; ledger, sense
	@scripts/setup $(TO_BUILD) valgrind
	$(BENCH) -p sense --bench assess
	$(BENCH) -p ledger --bench ledger
	$(BENCH) -p app --bench way | tee target/bench.txt
	cargo run --release -q -p xtask -- ratchet target/bench.txt

bench-engine: build ## The embedded engine against llama.cpp's own server (builds it first); MODEL=FILE, ARGS="--rounds 5"
	@test -n "$(MODEL)" || cargo run --release -q -p xtask --locked -- test-models target/test-models --real-size
	python3 tests/bench_engine.py --model "$(or $(MODEL),target/test-models/half.gguf)" --dewpoint "$(BIN)" \
	  --llama-server "$$(scripts/llama-server)" --page docs/book/engine-speed.md $(ARGS)

.PHONY: bench-count
bench-count:
	@if [ "$$(uname -s)" = Linux ]; then \
	  scripts/setup $(TO_BUILD) valgrind && $(BENCH) -q -p app --bench way -- count | tee target/bench.txt && \
	  cargo run --release -q -p xtask -- ratchet target/bench.txt; \
	else echo 'instructions are not counted here: valgrind needs Linux'; fi

lint: tidy ## Formatting, clippy, the rules of the house (xtask tidy), licences and banned crates
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets --locked -- -D warnings
	cargo run --release -q -p xtask --locked -- deny
	@if cargo deny --version >/dev/null 2>&1; then cargo deny --offline check bans licenses sources; \
	else echo 'cargo-deny is not installed: advisories were not checked (licences, bans and sources were, by xtask deny)'; fi

tidy:
	@scripts/setup $(TO_BUILD)
	cargo run --release -q -p xtask --locked -- tidy

fmt: ## Format the Rust sources
	@scripts/setup rust
	cargo fmt --all

fuzz: ## Fuzz every decoder for a minute each; SECONDS_EACH=n for another time
	@scripts/setup $(TO_BUILD)
	fuzz/run.sh $(or $(SECONDS_EACH),60)

.PHONY: fuzz-brief
fuzz-brief:
	@scripts/setup $(TO_BUILD)
	fuzz/run.sh 5

dist: ## The binary that is handed out: thin LTO, stripped (slow)
	@scripts/setup $(TO_BUILD)
	cargo build --profile dist -p app --bin dewpoint --locked

clean: ## Remove everything that was built
	rm -rf target fuzz/target $(VENV)
