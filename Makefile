# `make help` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup lock check test demo drill bench clean

PYTHON ?= python3 python3.13 python3.12 python3.11
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= auto
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python
# Processes start by the dozen here: with their bytecode kept they do so in a third of the time.
export PYTHONDONTWRITEBYTECODE :=

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv with every requirement, hash-checked; quick when nothing changed

$(READY): requirements/installer.txt requirements/dev.txt pyproject.toml
	@python=""; \
	for candidate in $(PYTHON); do \
	  if "$$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; \
	  then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "setup: no Python 3.11, 3.12 or 3.13 found (tried: $(PYTHON))." >&2; \
	  echo "setup: install one, or name it: make setup PYTHON=/path/to/python3.12" >&2; exit 1; \
	fi; \
	if [ ! -x $(BIN)/python ] || ! $(BIN)/python -c 'import pip' 2>/dev/null; then \
	  echo "setup: making $(VENV) with $$("$$python" --version)"; \
	  "$$python" -m venv --clear $(VENV) || { \
	    echo "setup: $$python cannot make virtual environments; install its venv module (Debian: python3-venv)." >&2; exit 1; }; \
	fi
	@echo "setup: installing the pinned requirements (hash-checked)"
	@$(PIP) --require-hashes --requirement requirements/installer.txt
	@$(UV) --require-hashes --requirement requirements/dev.txt || { \
	  echo "setup: trying again with pip, which takes a few minutes"; \
	  $(PIP) --require-hashes --requirement requirements/dev.txt; }
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

lock: ## Pin the newest versions the ranges allow (needs the network)
	@test -x .lock/bin/uv || { python3 -m venv .lock && .lock/bin/pip install --quiet uv; }
	@compile() { echo "lock: $$1"; \
	  UV_CUSTOM_COMPILE_COMMAND="make lock" .lock/bin/uv pip compile --quiet --upgrade --generate-hashes --universal \
	    --python-version 3.11 --no-emit-index-url --no-emit-find-links --output-file "$$@"; }; \
	compile requirements/installer.txt requirements/installer.in; \
	compile requirements/dev.txt --extra dev pyproject.toml requirements/build.in; \
	compile requirements/runtime.txt --extra tracing --extra mysql --constraint requirements/dev.txt pyproject.toml requirements/build.in

check: setup ## Check style, types, import contracts and everything that needs no server
	@echo "check: ruff format"; $(BIN)/ruff format --check --quiet . || { \
	  echo "check: the files above are not formatted; run $(BIN)/ruff format ." >&2; exit 1; }
	@echo "check: ruff check"; $(BIN)/ruff check --quiet .
	@echo "check: unit tests; beside them mypy and the import contracts"; \
	{ $(BIN)/mypy --no-error-summary && $(BIN)/lint-imports --no-logo; } >.beside.log 2>&1 & beside=$$!; \
	units=0; $(BIN)/pytest --quiet --numprocesses $(WORKERS) -m "not integration" || units=$$?; \
	wait $$beside || { cat .beside.log; echo "check: types or import contracts are wrong (above)" >&2; exit 1; }; exit $$units

test: check ## Check, then run the tests on real Kafka and PostgreSQL
	@echo "test: integration tests, in two halves side by side: with a whole system, and without"
	@$(BIN)/pytest --quiet -p no:cacheprovider -m "integration and not first_half" >.others.log 2>&1 & others=$$!; \
	first=0; $(BIN)/pytest --quiet -m "integration and first_half" || first=$$?; \
	wait $$others || { cat .others.log; echo "test: of the other half some failed (above)" >&2; exit 1; }; \
	tail -n 1 .others.log; exit $$first

demo: setup ## Send the sample requests through a whole system and show what becomes of each
	@$(BIN)/rightsbus demo

drill: setup ## Kill services under load and count what was lost or done twice
	@$(BIN)/python -m bench drill

bench: setup ## Measure throughput and latency; results go to bench/results
	@$(BIN)/python -m bench all

clean: ## Stop a running system and remove its data, the caches and .venv
	@if [ -d .rightsbus ] && [ -x $(BIN)/python ]; then $(BIN)/python -m stack.supervise --stop --data .rightsbus; fi
	@rm -rf .rightsbus .venv .lock .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .beside.log .others.log
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "clean: done"
