# `make help` lists the targets.

PORT ?= 8501
HOST ?= 127.0.0.1
ARGS ?=
RETRY ?=
SIDE_BY_SIDE := --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
SLOW_OF_THE_STORE := $(addprefix --ignore tests/session_store/,analytics exchange history)
QUICK := tests/test_settings.py tests/ui tests/compat tests/session_store $(SLOW_OF_THE_STORE)
UPGRADE ?= --upgrade

export PYTHON
VENV_BIN := $(if $(filter Windows_NT,$(OS)),Scripts,bin)
VENV := .venv
VENV_PYTHON := $(VENV)/$(VENV_BIN)/python
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
INSTALLED_LITELLM := $(VENV)/.installed-litellm
# Any Python 3: the script itself looks for one that Colloquy runs on.
INSTALL := $$(command -v python3 || command -v python || echo python3-is-missing) scripts/install.py
UV_COMPILE := $(VENV_PYTHON) -m uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--no-emit-package httpx2-jsfetch --generate-hashes --annotation-style line \
	--custom-compile-command "make pins" $(UPGRADE)

.DEFAULT_GOAL := help
.PHONY: help run demo test coverage check lint format audit bench litellm pins model clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(INSTALLED) model ## Run the app on http://localhost:8501 (PORT=9000, HOST=0.0.0.0)
	@case "$(HOST)" in \
		127.*|localhost|::1) ;; \
		*) printf '\n*** Colloquy listens on %s: whoever reaches this machine can read and write every session. ***\n\n' "$(HOST)" ;; \
	esac
	@$(VENV_PYTHON) -m streamlit run app.py --server.address "$(HOST)" --server.port "$(PORT)"

demo: $(INSTALLED) ## Run the app with a year of generated conversations in demo-data (ARGS="--sessions 10000")
	@$(VENV_PYTHON) -m colloquy.demo --folder demo-data $(ARGS)
	@COLLOQUY_DATA_DIR=demo-data $(MAKE) --no-print-directory run

test: $(INSTALLED_DEV) model ## Run the tests (ARGS="tests/test_settings.py -x")
ifeq ($(ARGS),)
	@failed=0; \
	$(VENV_PYTHON) -m pytest --ignore tests/browser --ignore tests/faults $(SIDE_BY_SIDE) $(RETRY) || failed=$$?; \
	$(VENV_PYTHON) -m pytest tests/faults tests/browser --numprocesses 3 --dist loadfile --no-loadscope-reorder $(RETRY) || failed=$$?; \
	exit $$failed
else
	@$(VENV_PYTHON) -m pytest $(ARGS)
endif

coverage: $(INSTALLED_DEV) model ## Measure which branches the tests run, without those in a browser (ARGS="tests/api")
	@$(VENV_PYTHON) -m coverage erase
	@$(VENV_PYTHON) -m coverage run -m pytest $(or $(ARGS),--ignore tests/browser --ignore tests/faults) $(SIDE_BY_SIDE)
	@$(VENV_PYTHON) -m coverage combine --quiet
	@$(VENV_PYTHON) -m coverage report --skip-covered --skip-empty

check: lint ## Lint and run the fastest tests, in under a minute
	@$(VENV_PYTHON) -m pytest $(QUICK) -m "not slow" --deselect tests/session_store/adk/test_adk_contract.py $(SIDE_BY_SIDE)

lint: $(INSTALLED_DEV) ## Check style, types and import rules
	$(VENV_PYTHON) -m ruff check
	$(VENV_PYTHON) -m ruff format --check
	$(VENV_PYTHON) -m mypy
	$(VENV_PYTHON) -c "from importlinter.cli import lint_imports_command; lint_imports_command()"

format: $(INSTALLED_DEV) ## Format the code and apply ruff fixes
	$(VENV_PYTHON) -m ruff check --fix
	$(VENV_PYTHON) -m ruff format

audit: $(INSTALLED_DEV) ## Check that all requirements are pinned and have no known vulnerabilities
	$(VENV_PYTHON) -m scripts.audit

bench: $(INSTALLED_DEV) model ## Benchmark the store against ADK's session services
	$(VENV_PYTHON) -m bench.store $(ARGS)

litellm: $(INSTALLED_LITELLM) ## Also install LiteLLM and its model providers

pins: $(INSTALLED_DEV) ## Pin the newest versions requirements*.in allow, and test what could break (UPGRADE= keeps versions)
	$(UV_COMPILE) requirements.in --output-file requirements.txt
	$(UV_COMPILE) requirements-dev.in --output-file requirements-dev.txt
	$(UV_COMPILE) requirements-litellm.in --output-file requirements-litellm.txt
	$(UV_COMPILE) session_store/requirements-build.in --output-file session_store/requirements.txt
	@$(MAKE) --no-print-directory $(INSTALLED_DEV)
	$(VENV_PYTHON) -m scripts.audit
	$(VENV_PYTHON) -m pytest -m upstream

model: $(INSTALLED)
	@$(VENV_PYTHON) -m colloquy.agents.fetch || true

clean: ## Remove the virtual environment and caches; keep conversations and models
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements.txt scripts/install.py
	@$(INSTALL)
	@touch $@

$(INSTALLED_DEV): requirements-dev.txt $(INSTALLED)
	@$(INSTALL) dev
	@touch $@

$(INSTALLED_LITELLM): requirements-litellm.txt $(INSTALLED)
	@$(INSTALL) litellm
	@touch $@
