# `make help` lists the targets. Requires make and Python 3.11 or newer.
# `PYTHON=python3.12 make …` chooses the Python that creates .venv.

VENV := .venv
BIN := $(VENV)/bin
# Python compiles a module when it is imported first: most never are.
INSTALL := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet \
	install --no-compile --require-hashes
COMPILE := build/uv/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate --no-emit-index-url

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help run invite social-card test format check-format check-lint check-types check-imports pytest \
	test-clock-ahead faults fuzz audit sbom bench bench-outbox bench-post bench-pages spam-evaluation \
	lighthouse html-validate observatory screenshots docs lock clean \
	chromium headless-shell smtp-sink redis pgbouncer wrk promtool nginx systemd-analyze

## Run

run: $(VENV)/run.stamp ## Start the site on this machine. CLINIC_DIR=… previews a clinic
	@exec $(BIN)/python -m app.dev.run

invite: $(VENV)/run.stamp ## Create an account of the site that runs. EMAIL=you@clinic.example ROLE=desk
	@$(BIN)/python -m app.dev.run staff invite $(EMAIL) --role $(or $(ROLE),manager)

social-card: $(VENV)/test.stamp chromium ## Draw the image for shared links. CLINIC_DIR=… for your clinic
	@$(BIN)/python clinic/make_social_card.py $(CLINIC_DIR)

## Check

test: check-format check-lint check-types check-imports pytest ## Check format, lint, types and imports, and run all tests

check-format: $(VENV)/test.stamp
	@$(BIN)/ruff format --check --quiet . || { echo "Run: make format" >&2; exit 1; }

check-lint: $(VENV)/test.stamp
	@$(BIN)/ruff check --quiet .

check-types: $(VENV)/test.stamp
	@$(BIN)/mypy --no-error-summary

check-imports: $(VENV)/test.stamp
	@$(BIN)/lint-imports --no-logo

pytest: $(VENV)/test.stamp chromium headless-shell redis pgbouncer promtool nginx systemd-analyze ## Run only the tests. TESTS="tests/web -k csp" selects some
	@$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder $(TESTS)

test-clock-ahead: $(VENV)/test.stamp chromium headless-shell redis pgbouncer promtool nginx systemd-analyze ## Run the tests with the clock 400 days ahead. DAYS=30 sets the days; needs a C compiler
	@mkdir -p build && $(CC) -O2 -shared -fPIC -DDAYS=$(or $(DAYS),400) -o build/clock_ahead.so tests/support/clock_ahead.c
	@LD_PRELOAD=$(CURDIR)/build/clock_ahead.so $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder $(TESTS)

faults: $(VENV)/test.stamp smtp-sink redis ## Inject every fault of docs/reliability.md: 30 minutes. SHORT=1: under 2 minutes
	@$(BIN)/python -m tests.faults $(if $(SHORT),--short)

fuzz: $(VENV)/test.stamp ## Send 10,000 generated inquiries each to the form and the API: 30 minutes
	@FUZZ=1 $(BIN)/pytest tests/fuzz $(TESTS)

audit: $(VENV)/test.stamp ## Run bandit on the code and pip-audit on the pinned packages. Needs Internet access
	@$(BIN)/python -m bench.audit

sbom: $(VENV)/test.stamp ## Write a bill of materials (CycloneDX) to build/sbom.json
	@$(BIN)/python -m bench.sbom

bench: $(VENV)/test.stamp build/peers/stamp smtp-sink wrk nginx ## Run every benchmark and update docs/performance.md: 25 minutes. QUICK=1: print only, 6 minutes
	@$(BIN)/python -m bench $(if $(QUICK),--quick,--write)

bench-pages: $(VENV)/test.stamp wrk nginx ## Only pages (application and nginx cache), memory and start-up time
	@$(BIN)/python -m bench pages nginx-cache memory

bench-post: $(VENV)/test.stamp build/peers/stamp smtp-sink wrk ## Only contact posts, compared with other frameworks
	@$(BIN)/python -m bench posts peers

bench-outbox: $(VENV)/test.stamp smtp-sink wrk ## Only the outbox, and large databases
	@$(BIN)/python -m bench outbox history

spam-evaluation: $(VENV)/test.stamp ## Score the labeled messages and update docs/spam.md
	@$(BIN)/python -m tests.contact.spam_evaluation

lighthouse: $(VENV)/test.stamp chromium build/node/stamp ## Run Lighthouse on every page and update docs/quality.md
	@$(BIN)/python -m bench.lighthouse

html-validate: $(VENV)/test.stamp build/node/stamp ## Run html-validate on every page and error page
	@$(BIN)/python -m bench.html_validate

observatory: $(VENV)/test.stamp nginx build/node/stamp ## Run MDN HTTP Observatory and update docs/security.md
	@$(BIN)/python -m bench.observatory

screenshots: $(VENV)/test.stamp chromium ## Save every page at four widths, light and dark, to build/screenshots
	@$(BIN)/python -m bench.screenshots
	@$(BIN)/python -m bench.front_desk_pictures

## Change

format: $(VENV)/test.stamp ## Format the code and apply automatic lint fixes
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format --quiet .

docs: $(VENV)/test.stamp ## Generate docs/settings.md and docs/cli.md from the code
	@$(BIN)/python -m docs.generate

lock: build/uv/bin/uv ## Pin the dependencies of pyproject.toml, with hashes, in requirements*.txt
	@$(COMPILE) pyproject.toml -o requirements.txt
	@$(COMPILE) --group ses -c requirements.txt -o requirements-ses.txt
	@$(COMPILE) --group dev -c requirements.txt -o requirements-dev.txt
	@$(COMPILE) --group test -c requirements.txt -c requirements-ses.txt -c requirements-dev.txt \
		-o requirements-test.txt
	@$(COMPILE) bench/peers/requirements.in -o bench/peers/requirements.txt

clean: ## Delete everything that can be rebuilt. The instance folder stays
	@rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^## / { printf "\n%s\n", substr($$0, 4) } \
		/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The environment. The stamp files record what is installed: as long as they are newer than
# the requirements, nothing is installed again.

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
	@echo "Installing the site's packages into $(VENV) …" >&2
	@$(INSTALL) -r requirements.txt -r requirements-dev.txt
	@touch $@

$(VENV)/test.stamp: $(VENV)/run.stamp requirements-test.txt
	@echo "Installing the tests' packages into $(VENV) …" >&2
	@$(INSTALL) -r requirements-test.txt
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
	echo "The browser tests need Chromium on PATH, and it could not be installed." >&2; exit 1

# Chromium without its windows opens pages in half the time. Without it, the tests use Chromium.
headless-shell:
	@command -v chromium-headless-shell >/dev/null && exit 0; [ -e build/chromium/stamp ] && exit 0; \
	command -v apt-get >/dev/null || exit 0; \
	[ "$$(id -u)" != 0 ] || apt-get update -qq || true; \
	mkdir -p build/chromium && cd build/chromium \
		&& apt-get -o APT::Sandbox::User=root download -qq chromium-headless-shell chromium-common >/dev/null 2>&1 \
		&& for package in *.deb; do dpkg-deb -x $$package . && rm $$package || exit 0; done \
		&& usr/lib/chromium/chromium-headless-shell --version >/dev/null && touch stamp; true

# The frameworks that `make bench` compares with, in a separate environment.
build/peers/stamp: bench/peers/requirements.txt | $(BIN)/python
	@echo "Installing Wagtail and the tutorial's libraries into build/peers …" >&2
	@$(BIN)/python -m venv --clear build/peers
	@build/peers/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r $<
	@touch $@

# Checkers that run on Node. `make test` does not need them.
build/node/stamp: tests/browser/tools/package.json tests/browser/tools/package-lock.json
	@command -v npm >/dev/null || { echo "This needs Node 20 or newer, with npm." >&2; exit 1; }
	@echo "Installing Lighthouse, html-validate and Observatory into build/node …" >&2
	@mkdir -p build/node && cp $^ build/node/
	@npm ci --prefix build/node --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# Postfix's test server, unpacked into build/: nothing is installed on the system.
smtp-sink:
	@PATH="$$PATH:/usr/sbin" command -v smtp-sink >/dev/null && exit 0; \
	[ -x build/postfix/usr/sbin/smtp-sink ] && exit 0; \
	command -v apt-get >/dev/null || exit 0; \
	[ "$$(id -u)" != 0 ] || apt-get update -qq || true; \
	mkdir -p build/postfix && cd build/postfix && apt-get download -qq postfix 2>/dev/null \
		&& dpkg-deb -x postfix_*.deb . || echo "smtp-sink is not available; its row will say so." >&2

# Programs that the tests need, unpacked in the same way: $(call unpacked,PROGRAM,FOLDER,PACKAGES)
define unpacked
	@command -v $(1) >/dev/null && exit 0; [ -e build/$(2)/stamp ] && exit 0; \
	echo "Downloading $(1) into build/$(2) …" >&2; \
	[ "$$(id -u)" != 0 ] || apt-get update -qq || true; \
	mkdir -p build/$(2) && cd build/$(2) && apt-get -o APT::Sandbox::User=root download -qq $(3) >/dev/null \
		&& for package in *.deb; do dpkg-deb -x $$package . && rm $$package || exit 1; done \
		&& touch stamp && exit 0; \
	echo "The tests need $(1) on PATH, and it could not be downloaded." >&2; exit 1
endef

redis:
	$(call unpacked,redis-server,redis,redis-server redis-tools libatomic1 libjemalloc2 liblzf1)

wrk:
	$(call unpacked,wrk,wrk,wrk libluajit-5.1-2)

pgbouncer:
	$(call unpacked,pgbouncer,pgbouncer,pgbouncer libc-ares2 libevent-2.1-7)

promtool:
	$(call unpacked,promtool,prometheus,prometheus)

nginx:
	$(call unpacked,build/nginx/usr/sbin/nginx,nginx,nginx)

systemd-analyze:
	$(call unpacked,systemd-analyze,systemd,systemd libsystemd-shared libkmod2 libapparmor1 libip4tc2)

build/uv/bin/uv: | $(BIN)/python
	@$(BIN)/python -m venv build/uv
	@build/uv/bin/python -m pip --disable-pip-version-check --quiet install uv
