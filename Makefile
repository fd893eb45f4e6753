# `make help` lists what there is. Needs Python 3.11 or newer and make.
# PYTHON=python3.12 make … chooses another Python for the environment in .venv.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
COMPILE := build/uv/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate --no-emit-index-url
INSTANCE_DIR ?= instance
MAILBOX_PORT ?= 8025

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help run mailbox test format check-format check-lint check-types check-imports tests \
	chromium lock clean

## Use

run: $(VENV)/run.stamp ## Start the whole site on this machine
	@exec $(BIN)/python -m app.dev.run

mailbox: $(VENV)/run.stamp ## Start the development mailbox alone, after it was stopped
	@exec $(BIN)/python -m app.dev.mailbox --folder "$(INSTANCE_DIR)/mailbox" --port $(MAILBOX_PORT)

## Check

test: check-format check-lint check-types check-imports tests ## Everything: format, lint, types, imports, tests

check-format: $(VENV)/test.stamp
	@$(BIN)/ruff format --check --quiet . || { echo "Run: make format" >&2; exit 1; }

check-lint: $(VENV)/test.stamp
	@$(BIN)/ruff check --quiet .

check-types: $(VENV)/test.stamp
	@$(BIN)/mypy --no-error-summary

check-imports: $(VENV)/test.stamp
	@$(BIN)/lint-imports --no-logo 

tests: $(VENV)/test.stamp chromium ## The tests alone; TESTS="tests/web -k csp" chooses some
	@$(BIN)/pytest $(TESTS)

## Change

format: $(VENV)/test.stamp ## Format the code and mend what lint can mend
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format --quiet .

lock: build/uv/bin/uv ## Pin requirements*.in anew, with hashes, into requirements*.txt
	@$(COMPILE) requirements.in -o requirements.txt
	@$(COMPILE) requirements-dev.in -o requirements-dev.txt
	@$(COMPILE) requirements-test.in -o requirements-test.txt

clean: ## Remove what can be made again; the instance folder stays
	@rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## This list
	@awk 'BEGIN { FS = ":.*## " } \
		/^## / { printf "\n%s\n", substr($$0, 4) } \
		/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The environment. A stamp is newer than what it was made from, so a second
# start installs nothing.

$(BIN)/python:
	@for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python3.14 python) none; do \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	done; \
	if [ "$$python" = none ]; then \
		echo "Python 3.11 or newer is needed; found: $$($(or $(PYTHON),python3) --version 2>&1)." >&2; \
		exit 1; \
	elif ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "Python's venv is missing. On Debian and Ubuntu: apt-get install python3-venv" >&2; \
		exit 1; \
	fi; \
	"$$python" -m venv --clear $(VENV)

$(VENV)/run.stamp: requirements.txt requirements-dev.txt | $(BIN)/python
	@echo "Installing what the site needs into $(VENV) …" >&2
	@$(PIP) install --require-hashes -r requirements.txt -r requirements-dev.txt
	@touch $@

$(VENV)/test.stamp: $(VENV)/run.stamp requirements-test.txt
	@echo "Installing what the tests need into $(VENV) …" >&2
	@$(PIP) install --require-hashes -r requirements-test.txt
	@touch $@

chromium:
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do \
		command -v $$name >/dev/null && exit 0; \
	done; \
	if [ "$$(id -u)" = 0 ]; then sudo=; else sudo="sudo -n"; fi; \
	echo "Installing Chromium for the browser tests …" >&2; \
	if command -v apt-get >/dev/null && $$sudo apt-get update -qq \
		&& DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq chromium >/dev/null; \
	then exit 0; fi; \
	echo "The browser tests need Chromium on PATH, and it could not be installed here." >&2; exit 1

build/uv/bin/uv: | $(BIN)/python
	@$(BIN)/python -m venv build/uv
	@build/uv/bin/python -m pip --disable-pip-version-check --quiet install uv
