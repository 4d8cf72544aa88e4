# What people and CI run, by the same names. `make help` lists them.
#
# EXPUNGE_VAR, DATABASE_URL, CELERY_BROKER_URL and the others of the README reach every command.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PYTHON := $(BIN)/python
MANAGE := $(PYTHON) manage.py
SYSTEM_PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3.11)
ASSETS := $(abspath $(or $(EXPUNGE_ASSETS),$(or $(EXPUNGE_VAR),var)/assets))
PROVISIONED := $(ASSETS)/smollm2 $(ASSETS)/ml-100k $(ASSETS)/tiny

# Processes that test side by side, each with a database and a broker of its own: for two cores.
TESTERS ?= 2

# Nothing of ours asks a model hub; with this nothing can.
export HF_HUB_OFFLINE := 1

.PHONY: help setup demo up down test test-fast check fix lock clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/installed ## .venv with the locked dependencies, the base model and the data
	@if ! ls -d $(PROVISIONED) >/dev/null 2>&1; then $(MANAGE) provision; fi

demo: setup ## one person erased from a real model, and proof of it: ARGS="--subjects all"
	@$(MANAGE) demo $(ARGS)

up: setup ## console, API and workers, until Ctrl-C
	@$(MANAGE) up

down: ## stop the embedded database; the data stays
	@if [ -x $(PYTHON) ]; then $(MANAGE) down; fi

test: setup check ## everything that CI runs: ARGS="-k name", TESTERS=2
	@command -v chromium >/dev/null || \
	  echo "No chromium: the browser tests will fail; get it with apt-get install chromium." >&2
	@EXPUNGE_ASSETS=$(ASSETS) $(PYTHON) -m pytest -n $(TESTERS) --dist loadfile $(ARGS)

test-fast: setup ## the tests that take no more than seconds
	@EXPUNGE_ASSETS=$(ASSETS) $(PYTHON) -m pytest -m "not slow and not real" $(ARGS)

check: setup ## format, lint, types, layers, migrations, documents
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy platform mlcore
	PYTHONPATH=platform:. $(BIN)/lint-imports
	# Compares models with files; that no database answers is no news to it.
	$(PYTHON) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	$(PYTHON) -m pytest --quiet tests/architecture

fix: setup ## format, and repair what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: | $(PYTHON) ## pin the dependencies of pyproject.toml anew
	$(PYTHON) -m pip install -qq pip-tools
	CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet pyproject.toml \
	  --output-file requirements/lock.txt --extra dev --all-build-deps --generate-hashes \
	  --strip-extras --no-annotate --unsafe-package torch \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options

clean: down ## remove what can be made again; var/ with its data and keys stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

$(PYTHON):
	@$(SYSTEM_PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || \
	  { echo "Expunge needs Python 3.11; name one with make SYSTEM_PYTHON=..." >&2; exit 1; }
	@$(SYSTEM_PYTHON) -m venv $(VENV) || \
	  { echo "This Python cannot make $(VENV); on Debian, install python3.11-venv." >&2; exit 1; }

# Without dependency resolution: the lock is complete, and torch, whose dependencies it holds, comes
# from whichever index this machine uses. `pip check` then sees that nothing is missing.
$(VENV)/installed: requirements/lock.txt requirements/torch.txt pyproject.toml | $(PYTHON)
	$(PYTHON) -m pip install -qq --no-deps --require-hashes -r requirements/lock.txt
	$(PYTHON) -m pip install -qq -r requirements/torch.txt
	$(PYTHON) -m pip install -qq --no-deps --no-build-isolation --editable .
	$(PYTHON) -m pip check
	@touch $@
