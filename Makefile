# Every target sets up what it needs first; `make help` lists them.

.DEFAULT_GOAL := help
DURATION ?= 5m
.PHONY: help run stack check test torture soak test-stack load fuzz

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Serve the example from a Postgres of its own, on 127.0.0.1:50051.
	@scripts/setup run
	cargo run --quiet -- serve

stack: ## Collector, Prometheus and Rowcall with the example under a small load, here, until Ctrl-C: LOAD=20 Gets a second.
	@scripts/setup stack
	cargo build --quiet
	@scripts/stack

check: ## Formatting and lints.
	@scripts/setup build
	cargo fmt --all --check
	cargo clippy --all-targets -- -D warnings
	cargo clippy -p load --all-targets -- -D warnings

test: check ## Formatting, lints, every test that needs no Go tool, five minutes of torture and one of soak.
	@scripts/setup test
	cargo test
	cargo test -p load
	@$(MAKE) --no-print-directory torture
	@$(MAKE) --no-print-directory soak DURATION=1m

torture: ## Faults and load together beside a checker that knows every answer: DURATION=5m, SEED=… for the same again.
	@scripts/setup run
	ROWCALL_TORTURE=$(DURATION) ROWCALL_TORTURE_SEED=$(SEED) \
		cargo test --test integration torture:: -- --ignored --nocapture

soak: ## Writers, readers and faults beside a checker of what may be shown: DURATION=20m, SEED=… for the same again.
	@scripts/setup test
	ROWCALL_SOAK=$(DURATION) ROWCALL_SOAK_SEED=$(SEED) \
		cargo test --test integration soak:: -- --ignored --nocapture

test-stack: ## The tests that need Go tools, Prometheus and the Collector; installs them, mostly into .tools.
	@scripts/setup stack
	cargo test --test integration stack:: -- --ignored

PAIRS ?= 10
SECONDS ?= 3
ONLY ?=

load: ## How fast it is beside its peers; `PAIRS=10 SECONDS=3 ONLY=get`.
	@scripts/setup load
	cargo build --release
	cargo build --release -p load
	@target/release/load measure --pairs $(PAIRS) --seconds $(SECONDS) --only '$(ONLY)'

# Cases of each test; the contract's, which compile, run a quarter of them.
CASES ?= 20000
# Run again, with other cases, until so long has passed.
FUZZ_SECONDS ?= 0

fuzz: ## Arbitrary and damaged input to all that reads any: CASES=20000 of each, again until FUZZ_SECONDS=0 have passed.
	@scripts/setup build
	@end=$$(($$(date +%s) + $(FUZZ_SECONDS))); while \
		PROPTEST_CASES=$(CASES) cargo test --lib --test golden any_ || exit 1; \
		[ "$$(date +%s)" -lt "$$end" ]; do :; done
