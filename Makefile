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
	test-future \
	faults fuzz audit sbom bench bench-outbox bench-post bench-pages wrk smtp-sink redis promtool \
	nginx \
	systemd-analyze \
	lighthouse html observatory screenshots chromium lock clean

## Use

run: $(VENV)/run.stamp ## Start the whole site on this machine; CLINIC_DIR=… previews a clinic, MAILBOX=external starts no mailbox
	@exec $(BIN)/python -m app.dev.environment

mailbox: $(VENV)/run.stamp ## Start the development mailbox alone, after it was stopped
	@exec $(BIN)/python -m app.dev.smtp_server --folder "$(INSTANCE_DIR)/mailbox" --port $(MAILBOX_PORT)

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

tests: $(VENV)/test.stamp chromium redis promtool nginx systemd-analyze ## The tests alone; TESTS="tests/web -k csp" chooses some
	@$(BIN)/pytest -n 2 --dist loadfile $(TESTS)

test-future: $(VENV)/test.stamp chromium redis promtool nginx caddy systemd-analyze ## The tests with every clock 400 days ahead; needs a C compiler; DAYS=30 chooses
	@mkdir -p build && $(CC) -O2 -shared -fPIC -DDAYS=$(or $(DAYS),400) -o build/clock_ahead.so tests/support/clock_ahead.c
	@LD_PRELOAD=$(CURDIR)/build/clock_ahead.so $(BIN)/pytest -n 2 --dist loadfile $(TESTS)

faults: $(VENV)/test.stamp smtp-sink redis ## Every fault of docs/reliability.md, 15 minutes; SHORT=1 takes under 2
	@$(BIN)/python -m tests.faults $(if $(SHORT),--short)

fuzz: $(VENV)/test.stamp ## 10,000 hostile inquiries at each door, 30 minutes; a few run in every test
	@FUZZ=1 $(BIN)/pytest tests/fuzz $(TESTS)

audit: $(VENV)/test.stamp ## bandit on our code, pip-audit on what is pinned: needs the Internet
	@$(BIN)/python -m bench.audit

sbom: $(VENV)/test.stamp ## The bill of materials (CycloneDX) into build/sbom.json
	@$(BIN)/python -m bench.sbom

bench: $(VENV)/test.stamp build/peers/stamp smtp-sink wrk nginx ## Every figure, 20 minutes, into docs/performance.md; QUICK=1 takes 4
	@$(BIN)/python -m bench $(if $(QUICK),--quick,--write)

bench-pages: $(VENV)/test.stamp wrk nginx ## Of these, the pages, by us and from nginx's cache, memory and start
	@$(BIN)/python -m bench pages nginx-cache memory

bench-post: $(VENV)/test.stamp build/peers/stamp smtp-sink wrk ## Of these, the contact posts, ours and others'
	@$(BIN)/python -m bench posts peers

bench-outbox: $(VENV)/test.stamp smtp-sink wrk ## Of these, the outbox and what history costs
	@$(BIN)/python -m bench outbox history

spam-table: $(VENV)/test.stamp ## How many labelled messages are held, into docs/spam.md
	@$(BIN)/python -m tests.contact.spam_evaluation

lighthouse: $(VENV)/test.stamp chromium build/node/stamp ## Lighthouse, mobile, every page, into docs/quality.md
	@$(BIN)/python -m bench.lighthouse

html: $(VENV)/test.stamp build/node/stamp ## html-validate on every page and error page
	@$(BIN)/python -m bench.validate

observatory: $(VENV)/test.stamp nginx build/node/stamp ## MDN HTTP Observatory on the site in production, into docs/security.md
	@$(BIN)/python -m bench.observatory

screenshots: $(VENV)/test.stamp chromium ## Every page, three widths, light and dark, into build/screenshots
	@$(BIN)/python -m bench.screenshots

## Change

format: $(VENV)/test.stamp ## Format the code and mend what lint can mend
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format --quiet .

lock: build/uv/bin/uv ## Pin requirements*.in anew, with hashes, into requirements*.txt
	@$(COMPILE) requirements.in -o requirements.txt
	@$(COMPILE) requirements-dev.in -o requirements-dev.txt
	@$(COMPILE) requirements-test.in -o requirements-test.txt
	@$(COMPILE) bench/peers/requirements.in -o bench/peers/requirements.txt

clean: ## Remove what can be made again; the instance folder stays
	@rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## This list
	@awk 'BEGIN { FS = ":.*## " } \
		/^## / { printf "\n%s\n", substr($$0, 4) } \
		/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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

# What the site is measured beside, in an environment of its own.
build/peers/stamp: bench/peers/requirements.txt | $(BIN)/python
	@echo "Installing Wagtail and the tutorial's libraries into build/peers …" >&2
	@$(BIN)/python -m venv --clear build/peers
	@build/peers/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r $<
	@touch $@

# Judges that exist for Node alone. `make test` needs none of them.
build/node/stamp: tests/browser/tools/package.json tests/browser/tools/package-lock.json
	@command -v npm >/dev/null || { echo "This needs Node 20 or newer, with npm." >&2; exit 1; }
	@echo "Installing Lighthouse, html-validate and Observatory into build/node …" >&2
	@mkdir -p build/node && cp $^ build/node/
	@npm ci --prefix build/node --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# Postfix's test server, unpacked beside everything else: nothing is installed or started.
smtp-sink:
	@PATH="$$PATH:/usr/sbin" command -v smtp-sink >/dev/null && exit 0; \
	[ -x build/postfix/usr/sbin/smtp-sink ] && exit 0; \
	command -v apt-get >/dev/null || exit 0; \
	[ "$$(id -u)" != 0 ] || apt-get update -qq || true; \
	mkdir -p build/postfix && cd build/postfix && apt-get download -qq postfix 2>/dev/null \
		&& dpkg-deb -x postfix_*.deb . || echo "smtp-sink is not here; its row will say so." >&2

# What the tests cannot do without, in the same way. $(call unpacked,PROGRAM,FOLDER,PACKAGES)
define unpacked
	@command -v $(1) >/dev/null && exit 0; [ -e build/$(2)/stamp ] && exit 0; \
	echo "Bringing $(1) into build/$(2) …" >&2; \
	[ "$$(id -u)" != 0 ] || apt-get update -qq || true; \
	mkdir -p build/$(2) && cd build/$(2) && apt-get -o APT::Sandbox::User=root download -qq $(3) >/dev/null \
		&& for package in *.deb; do dpkg-deb -x $$package . && rm $$package || exit 1; done \
		&& touch stamp && exit 0; \
	echo "The tests need $(1) on PATH, and it could not be brought here." >&2; exit 1
endef

redis:
	$(call unpacked,redis-server,redis,redis-server redis-tools libatomic1 libjemalloc2 liblzf1)

wrk:
	$(call unpacked,wrk,wrk,wrk libluajit-5.1-2)

promtool:
	$(call unpacked,promtool,prometheus,prometheus)

nginx:
	$(call unpacked,build/nginx/usr/sbin/nginx,nginx,nginx)

systemd-analyze:
	$(call unpacked,systemd-analyze,systemd,systemd libsystemd-shared libkmod2 libapparmor1 libip4tc2)

build/uv/bin/uv: | $(BIN)/python
	@$(BIN)/python -m venv build/uv
	@build/uv/bin/python -m pip --disable-pip-version-check --quiet install uv
