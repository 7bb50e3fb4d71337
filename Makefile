# `make help` lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
CARGO ?= cargo

.PHONY: help
help: ## List the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

.PHONY: run
run: ## Build (dev profile: the fastest to build), import a synthetic month, investigate it and keep serving
	$(CARGO) run --locked -- demo --rows 5000

.PHONY: test
test: setup lint ## Install what the tests need and run everything
	$(CARGO) test --locked
	clients/test.sh

.PHONY: setup
setup: ## Install what the tests need and is missing
	tests/setup.sh

.PHONY: lint
lint: ## Check format and lints
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings

.PHONY: clients
clients: ## Generate the stubs of the Rust, Python, TypeScript and Go clients from proto/
	clients/generate.sh

.PHONY: openapi
openapi: ## Write docs/openapi.json from proto/
	$(CARGO) run --locked --quiet -- openapi > docs/openapi.json.new
	mv docs/openapi.json.new docs/openapi.json

.PHONY: test-clients
test-clients: ## Check proto/ and its stubs, and each client against the binary (CIDADAO_BIN, or the debug build)
	clients/test.sh
	tests/e2e/run.sh

.PHONY: test-e2e
test-e2e: ## Test the binary (CIDADAO_BIN, or the debug build) from outside: REST, curl, a browser, made-up requests
	tests/e2e/run.sh

.PHONY: fuzz
fuzz: ## Fuzz each parser of what comes from outside for a minute (FUZZ_SECONDS), from the kept corpus
	$(CARGO) fmt -p cidadao-fuzz --check
	$(CARGO) clippy --locked -p cidadao-fuzz -- -D warnings
	fuzz/run.sh $(FUZZ_SECONDS)

.PHONY: bench
bench: ## Measure import and investigation of a large sample (release build)
	$(CARGO) build --locked --release
	benches/import.sh
	benches/large_sample.sh
	benches/detectors.sh
	benches/cardinal.sh
	benches/service.sh
	benches/rest.sh
