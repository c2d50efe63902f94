# Verdict. `make demo` and `make test` need Python 3.11 or later and nothing else; Node is only for the
# contracts' own tests (`make test-solidity`), which `make test` runs where Node is installed.

SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
ARGS ?=
WORKERS ?= 2

# py-evm needs the fast keccak backend; Python's optimised mode would strip the checks it makes with `assert`.
export ETH_HASH_BACKEND := pysha3
unexport PYTHONOPTIMIZE

.PHONY: help install demo fuzz fuzz-decoders test test-all test-python test-solidity ethereumjs lint bench check-artifacts lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /|/' | awk -F'|' '{printf "  make %-16s %s\n", $$1, $$2}'

install: $(INSTALLED) ## .venv with the exact versions of requirements.lock

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Verdict needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1 | head -1 || true)."; \
	  echo "Name another one: make $(or $(MAKECMDGOALS),install) PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "$(PYTHON) can't make a virtual environment. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@# The lock is complete. --no-deps: EELS asks for coincurve 20, which has no wheel for Python 3.13; 21 does the same.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --prefer-binary --no-deps --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
	  --config-settings editable_mode=compat --editable .
	@touch $@

demo: $(INSTALLED) ## a wrong assertion dies: two minutes, everything real (ARGS=--keep leaves the network up)
	@$(BIN)/verdict demo $(ARGS)

# solc takes minutes of one core, and the Python tests wait a lot: both at once. What needs solc's output comes after it.
define TEST
@if command -v npm >/dev/null; then $(MAKE) --no-print-directory ethereumjs; $(MAKE) --no-print-directory -C solidity node_modules; fi
@log=$$(mktemp); status=0; \
{ $(MAKE) --no-print-directory test-solidity && $(BIN)/python -m pytest -q -m forge; } > $$log 2>&1 & contracts=$$!; \
trap 'kill $$contracts; rm -f $$log; exit 130' INT TERM; \
$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --durations=25 --durations-min=4 -m $(1) $(ARGS) || status=$$?; \
echo "The contracts' tests:"; wait $$contracts || status=$$?; cat $$log; rm -f $$log; exit $$status
endef

test: $(INSTALLED) ## every test but the slow ones
	$(call TEST,"not slow and not forge")

test-all: $(INSTALLED) ## the slow ones too
	$(call TEST,"not forge")

test-python: $(INSTALLED) ## the Python tests alone, e.g. make test-python ARGS="tests/unit -x"
	@$(BIN)/python -m pytest -q $(ARGS)

test-solidity: ## the contracts' forge tests, where Node is installed
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory -C solidity test; \
	else echo "Node is not installed: skipping the forge tests"; fi

ethereumjs: ## the third client of EXECUTE, @ethereumjs/vm (optional; needs Node 20)
	@$(MAKE) --no-print-directory -C engines/ethereumjs install

check-artifacts: ## are solidity/artifacts what the sources compile to?
	@$(MAKE) --no-print-directory -C solidity check

lint: $(INSTALLED) ## ruff
	@$(BIN)/ruff check .

bench: $(INSTALLED) ## what is fast and what it costs
	@set -e; for file in $$(grep -rl '^if __name__' benchmarks --include='*.py' | sort); do $(BIN)/python $$file $(ARGS); done

SECONDS ?= 60
FUZZ_TARGETS := rlp abi trie transactions codec execute

fuzz: $(INSTALLED) ## coverage-guided fuzzing with atheris, SECONDS=60 a target; findings and corpora in .fuzz/
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps atheris==3.0.0
	@set -e; for target in $(FUZZ_TARGETS); do \
	  echo "$$target:"; mkdir -p .fuzz; \
	  $(BIN)/python tests/fuzz/harness.py $$target --seconds $(SECONDS) > .fuzz/$$target.log 2>&1 || { tail -40 .fuzz/$$target.log; exit 1; }; \
	  grep -E "^Done|slowest_unit|peak_rss" .fuzz/$$target.log; \
	done

CHUNKS ?= 300000

fuzz-decoders: $(INSTALLED) ## the Python and the Solidity decoder on the same CHUNKS=300000 chunks
	@$(BIN)/python tests/fuzz/differential.py --chunks $(CHUNKS) $(ARGS)

lock: ## requirements.lock from what is in .venv now
	@$(BIN)/python -m pip freeze --all --exclude-editable --exclude pip --exclude atheris > requirements.lock

clean: ## what can be made again, .venv too; never data/
	rm -rf $(VENV) solidity/out solidity/cache solidity/node_modules engines/ethereumjs/node_modules .pytest_cache .ruff_cache .mypy_cache build *.egg-info
