# Launcher's commands. Everything runs from this checkout, in a virtual environment of its own.

PYTHON ?= python3
VENV ?= .venv
DATA := data
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-$(shell cksum < requirements.lock | cut -d' ' -f1)
DEV := $(VENV)/.dev-$(shell cksum < requirements-dev.lock | cut -d' ' -f1)
UV_COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-config --quiet --custom-compile-command "make lock"
BABEL := $(BIN)/pybabel
POT := translations/messages.pot
LOCALES := $(notdir $(patsubst %/,%,$(wildcard translations/*/)))
BLANKS := POT-Creation-Date|PO-Revision-Date|Report-Msgid|Last-Translator|Language-Team|Generated-By

# DATA on the command line wins over the environment, and that over the default.
ifneq ($(origin DATA),file)
export LAUNCHER_DATA_DIR := $(abspath $(DATA))
else
export LAUNCHER_DATA_DIR ?= $(abspath $(DATA))
endif

.DEFAULT_GOAL := help
.PHONY: help run demo test fault bench screens check lint types messages translations lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(RUNTIME) translations ## Serve at 127.0.0.1:8000 (LAUNCHER_BIND), installing what is missing
	$(BIN)/gunicorn wsgi:app

demo: $(RUNTIME) translations ## Fill a new data directory with sample content (DATA=path)
	@if [ -e "$(LAUNCHER_DATA_DIR)/launcher.db" ]; then \
		echo "There is a database in $(LAUNCHER_DATA_DIR) already. Nothing was changed." >&2; \
		echo "Choose a new directory: make demo DATA=/some/new/path" >&2; \
		exit 1; \
	fi
	@said=$$($(BIN)/flask --app wsgi database upgrade 2>&1) || { echo "$$said" >&2; exit 1; }
	@$(BIN)/flask --app wsgi demo
	@echo "Now serve it: make run DATA=$(LAUNCHER_DATA_DIR)" >&2

test: check ## Run everything that must pass, installing what it needs
	$(BIN)/python -m pytest -n auto --dist loadfile --durations=10 -m "not slow" \
		tests/unit tests/integration tests/web tests/fault
	$(BIN)/python -m pytest -n auto --dist loadfile --durations=10 -m "not slow" tests/browser

check: $(DEV) translations ## Run what test runs before the tests: style, types, imports
	VENV=$(VENV) tests/install-tools
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/unit/test_architecture.py

fault: $(DEV) translations ## Kill the server, fill the disk, flip bits, for minutes
	FAULT_KILLS=$${FAULT_KILLS:-210} $(BIN)/python -m pytest -n auto --timeout=3600 \
		-m "slow or not slow" tests/fault
	$(BIN)/python -m pytest -n auto --timeout=3600 -m slow tests/unit tests/integration tests/web

bench: $(DEV) ## Measure, next to plain tools
	$(BIN)/python -m benchmarks

screens: $(DEV) translations ## Take the pictures of the documentation again
	VENV=$(VENV) tests/install-tools
	$(BIN)/python -m tests.screens

lint: $(DEV) ## Fix the style where that is safe, and name the rest
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: $(DEV) ## Check the types
	$(BIN)/mypy

messages: $(DEV) ## Collect messages for translators, and compile what they wrote
	PYTHONPATH=. $(BABEL) extract --mapping-file pyproject.toml --no-location --width 97 \
		--add-comments Translators: \
		--header-comment "# The words of Launcher." --project Launcher \
		--version "$$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)" \
		--output-file $(POT) .
	for locale in $(LOCALES); do \
		$(BABEL) update --input-file $(POT) --output-dir translations --locale $$locale \
			--width 97 --no-fuzzy-matching --ignore-obsolete || exit 1; \
	done
	@# Dates, and blanks that no one fills in, would make every run a change.
	sed -i -E '/^"($(BLANKS))/d; /^#$$/d; /^#, fuzzy$$/d' $(POT) translations/*/LC_MESSAGES/*.po
	$(BABEL) compile --directory translations

translations: | $(RUNTIME)
	@if ls translations/*/LC_MESSAGES/*.po > /dev/null 2>&1; then \
		$(BABEL) compile --directory translations > /dev/null 2>&1 \
			|| $(BABEL) compile --directory translations; \
	fi

lock: $(DEV) ## Update the lock files to the newest allowed versions
	$(UV_COMPILE) --upgrade pyproject.toml --output-file requirements.lock
	$(UV_COMPILE) --upgrade --extra dev --constraint requirements.lock pyproject.toml \
		--output-file requirements-dev.lock

clean: ## Remove what was built here, except the data
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find launcher tests translations benchmarks -name __pycache__ -prune -exec rm -rf {} + \
		2> /dev/null || true
	find translations -name '*.mo' -delete

# The stamps carry a checksum of their lock file, so that a changed one is installed again.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Launcher needs Python 3.11 or newer; name one with PYTHON=…" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "On Debian: apt install python3-venv" >&2; rm -rf $(VENV); exit 1; }

$(RUNTIME): | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes -r requirements.lock
	@rm -f $(VENV)/.runtime-*
	@touch $@

$(DEV): | $(RUNTIME)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes -r requirements-dev.lock
	@rm -f $(VENV)/.dev-*
	@touch $@
