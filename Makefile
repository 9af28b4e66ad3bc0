# Everything here needs only Python 3.11 or newer, make and a package index. `make help` explains the targets.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 -c constraints.txt
PROTOS := $(sort $(wildcard protos/notify/v1/*.proto))
PROTOC = $(BIN)/python -m grpc_tools.protoc -Iprotos $(PROTOS)
MAIL_PORT ?= 2525
FRONT_PORT ?= 8000
PROBES_PORT ?= 8001
PAGE_PORT ?= 8090
GRPCURL := v1.9.3
ACTIONLINT := v1.7.12
PYTEST_ARGS ?= -n 3 --dist loadgroup
# What has targets of its own: these need toolchains beside Python.
APART := --ignore=tests/browser --ignore=tests/stubs --ignore=tests/cluster

.DEFAULT_GOAL := help
.PHONY: help run demo front mail test outside image-steps cluster engine wheel browser stubs chromium pgbouncer check format proto proto-check docs bench clean

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# At a terminal the server gets its own foreground process group, so Ctrl-C reaches it and not make: it drains,
# exits 0, and so does make.
# Settings of a developer's machine; the environment wins.
run: export NOTIFY_AUTH_DEV_MODE ?= true
run: export NOTIFY_SQLITE_PATH ?= var/notify.db
run: export NOTIFY_EMAIL_FROM ?= notify@example.org
run: .venv/.run ## Start both servers in dev mode on SQLite (var/notify.db); Ctrl-C drains and stops
	@mkdir -p var
	@if [ -t 0 ]; then set -m; $(BIN)/notify-grpc serve; else exec $(BIN)/notify-grpc serve; fi

demo: .venv/.run ## Start a service, send a notification, see it arrive, read it
	@$(BIN)/notify-grpc demo

mail: .venv/.mail ## A mail server on port 2525 that prints what it gets, to try emails
	@echo "What is sent to 127.0.0.1:$(MAIL_PORT) is printed here; Ctrl-C stops."
	@exec $(BIN)/python -u -m aiosmtpd --nosetuid --listen 127.0.0.1:$(MAIL_PORT)

front: export NOTIFY_STORE_DRIVER ?= sqlite
front: export NOTIFY_SQLITE_PATH ?= var/notify.db
front: .venv/.dev ## The service, Envoy in front of it (port 8000) and the browser inbox (port 8090); Ctrl-C drains and stops
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory examples/web/.built; else echo "no npm here: without the page"; fi
	@mkdir -p var
	@set -- $(BIN)/python -m examples.front --port $(FRONT_PORT) --probes-port $(PROBES_PORT) --page-port $(PAGE_PORT); \
	if [ -f examples/web/dist/index.html ]; then set -- "$$@" --page examples/web/dist; fi; \
	if [ -t 0 ]; then set -m; "$$@"; else exec "$$@"; fi

test: .venv/.dev ## Run every test but those of outside, browser and stubs' toolchains, with real servers
	@$(BIN)/python -m pytest $(PYTEST_ARGS) $(APART)

# What the next three say is here already, or comes as Debian packages where root may install them.
define install
@if $(2); then exit 0; fi; \
if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then echo "not run: no $(1) here, and no way to install it"; exit 0; fi; \
echo "Installing $(1) ..."; \
apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(3) >/dev/null$(4)
endef

chromium:
	$(call install,Chromium,command -v chromium >/dev/null || command -v google-chrome >/dev/null,chromium)

engine:
	$(call install,podman,docker info >/dev/null 2>&1 || command -v podman >/dev/null,podman runc netavark iptables)

# Its package starts a server, which nobody asked for.
pgbouncer:
	$(call install,PgBouncer,command -v pgbouncer >/dev/null,pgbouncer,; systemctl disable --now pgbouncer 2>/dev/null || true)

outside: .venv/.dev pgbouncer ## With tools that share no code with us: grpcurl, PgBouncer, actionlint, the image's own steps; some need Go or root
	@if command -v go >/dev/null; then $(MAKE) --no-print-directory build/bin/grpcurl build/bin/actionlint; else echo "not run: no Go here to build grpcurl and actionlint"; fi
	@$(BIN)/python -m pytest -n 2 --dist loadgroup tests/outside

build/bin/grpcurl:
	@echo "Building grpcurl $(GRPCURL) ..."
	@mkdir -p build/bin
	@GOBIN=$(CURDIR)/build/bin go install github.com/fullstorydev/grpcurl/cmd/grpcurl@$(GRPCURL)

build/bin/actionlint:
	@echo "Building actionlint $(ACTIONLINT) ..."
	@mkdir -p build/bin
	@GOBIN=$(CURDIR)/build/bin go install github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT)

image-steps: .venv/.dev ## Run the Dockerfile's steps without an engine, and what they made as its user (needs root)
	@$(BIN)/python -m pytest tests/outside/test_image.py

cluster: .venv/.dev engine ## The image in docker or podman, the manifests in a cluster of kind's, as docs/kubernetes.md says
	@$(BIN)/python -m pytest tests/cluster

wheel: .venv/.dev ## Build the wheel in dist/, install it in an empty environment, run it
	@rm -rf build/wheel dist
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	@$(PYTHON) -m venv build/wheel
	@build/wheel/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt dist/*.whl
	@cd build/wheel && bin/notify-grpc version && bin/notify-grpc demo

browser: .venv/.dev ## The browser inbox in a real Chromium, through Envoy; not run without npm and Chromium
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory examples/web/.built chromium; else echo "not run: no npm here to build the page"; fi
	@$(BIN)/python -m pytest tests/browser

stubs: .venv/.dev ## Clients from generated stubs in Go, TypeScript and Java; not run where a toolchain is missing
	@if command -v go >/dev/null; then $(MAKE) --no-print-directory examples/stubs/go/.built; else echo "not run: no Go here"; fi
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory examples/stubs/typescript/.built; else echo "not run: no npm here"; fi
	@if command -v mvn >/dev/null; then $(MAKE) --no-print-directory examples/stubs/java/.built; else echo "not run: no Maven here"; fi
	@$(BIN)/python -m pytest tests/stubs

# An example is built again when the protos or something of its own changed.
examples/web/.built: $(wildcard $(addprefix examples/web/,*.* src/*.* public/*))
examples/stubs/go/.built: $(wildcard examples/stubs/go/*.*)
examples/stubs/typescript/.built: $(wildcard $(addprefix examples/stubs/typescript/,*.* src/*.*))
examples/stubs/java/.built: $(wildcard $(addprefix examples/stubs/java/,*.* src/main/java/example/*))
examples/%/.built: $(PROTOS)
	@echo "Building examples/$* ..."
	@PROTOC="$(CURDIR)/$(BIN)/python -m grpc_tools.protoc" examples/$*/build.sh
	@touch $@

check: .venv/.dev proto-check ## Lint, types, layers, contract, generated code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint

format: .venv/.dev ## Format the code and apply the safe lint fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

proto: .venv/.dev ## Regenerate generated/ from protos/
	@mkdir -p generated
	$(PROTOC) --python_out=generated --pyi_out=generated --grpc_python_out=generated

proto-check: .venv/.dev
	@rm -rf build/generated && mkdir -p build/generated
	@$(PROTOC) --python_out=build/generated --pyi_out=build/generated --grpc_python_out=build/generated
	diff -r -x __pycache__ build/generated generated

docs: .venv/.dev ## Write what docs/ says of settings, API and figures from the code
	@$(BIN)/python -m docs.reference

bench: .venv/.dev ## Measure against bare ceilings of the same run; table and plot in benchmarks/results/
	@$(BIN)/python -m benchmarks

clean: ## Remove the environment, caches and build output; var/ stays
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.run: pyproject.toml constraints.txt
	@echo "Installing into .venv ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) -e .
	@touch $@

.venv/.mail: .venv/.run
	@$(PIP) aiosmtpd
	@touch $@

.venv/.dev: .venv/.run
	@echo "Installing what the tests need ..."
	@$(PIP) -e '.[dev,entdb]'
	@touch $@ .venv/.mail
