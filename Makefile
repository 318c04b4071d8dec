# Everything a person needs, one word each; `make` alone explains them.
SHELL := /bin/sh
VENV ?= .venv
PY := $(VENV)/bin/python
PYTEST_ARGS ?=
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test test-clients install install-dev format lint bench clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: install ## see it work: a bus, three agencies, signed documents, a timeline; stays up (Ctrl-C ends it)
	@$(VENV)/bin/bus dev $(ARGS)

test: install-dev ## run the whole test suite
	$(PY) -m pytest -n auto $(PYTEST_ARGS)

test-clients: install-dev ## let SOAP clients of every language talk to a live bus; installs their generators (root or sudo)
	@tests/clients/install && $(PY) tests/clients/run.py $(ARGS)

install: $(VENV)/.runtime ## create the environment that runs the bus

install-dev: $(VENV)/.dev ## create the environment that also tests it

format: install-dev ## put the code into the project's layout
	$(VENV)/bin/ruff check --fix --quiet . ; $(VENV)/bin/ruff format .

lint: install-dev ## check style, types and layers
	$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy && $(VENV)/bin/lint-imports --config setup.cfg

bench: install-dev ## measure the bus beside a naive stack and beside the floor
	$(PY) tests/bench/run.py $(ARGS)

clean: ## remove the environment and the data of `make run`
	rm -rf $(VENV) var build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# The newest Python from 3.11 to 3.13 that really runs here, unless PYTHON names one.
$(PY):
	@found="$(PYTHON)"; \
	for name in python3.13 python3.12 python3.11 python3; do \
	  [ -n "$$found" ] && break; \
	  if $$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then found=$$name; fi; \
	done; \
	[ -n "$$found" ] || { echo "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=/path/to/python3.11 run" >&2; exit 1; }; \
	"$$found" -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.runtime: setup.cfg setup.py | $(PY)
	@echo "Installing into $(VENV), a minute or two the first time …"
	@$(PY) -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.dev: setup.cfg setup.py | $(PY)
	@echo "Installing into $(VENV), a minute or two the first time …"
	@$(PY) -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.runtime
