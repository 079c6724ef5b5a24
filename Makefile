# One job a target. Each bootstraps .venv from the lock by itself and is quick when nothing changed.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SAMPLE := data/sample
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup review test calibrate check lab bench clean system

help: ## show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  \1\t\2/' | expand -t 12

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v >= (3, 11) else f"Python 3.11 or newer is needed, this is {v[0]}.{v[1]}. Say which: make PYTHON=/path/to/python3.11")'
	@echo "Installing into $(VENV) from requirements.lock (once; two to three minutes)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(READY) ## install everything into .venv, exactly as locked

$(SAMPLE)/metricstack.toml: | $(READY)
	@$(BIN)/metricstack simulate $(SAMPLE)

review: $(READY) $(SAMPLE)/metricstack.toml ## write the quarterly review of the sample company
	@$(BIN)/metricstack review --workspace $(SAMPLE)

test: $(READY) ## run every test on two cores
	@$(BIN)/python -m pytest -n 2 --dist worksteal -q -m "not calibration"

calibrate: $(READY) ## hold every kind of interval against known truth (some minutes)
	@$(BIN)/python -m pytest -n 2 --dist worksteal -q tests/calibration

check: $(READY) ## format, lint, types, layers and the fast tests
	@$(BIN)/ruff format --check --quiet . || { echo "Run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -n 2 --dist worksteal -q -m "not slow and not browser and not engine and not calibration"

lab: $(READY) $(SAMPLE)/metricstack.toml ## open JupyterLab on the notebooks
	@$(BIN)/jupyter lab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks/quarterly-review.ipynb

bench: $(READY) ## measure speed, as ratios in one run
	@for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

clean: ## remove what was generated: sample, reports, caches, .venv
	@rm -rf $(VENV) $(SAMPLE) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage build dist
	@find reports -mindepth 1 -maxdepth 1 ! -name examples ! -name README.md -exec rm -rf {} +
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

system: ## install what browser and engine tests use (Debian, as root)
	@export DEBIAN_FRONTEND=noninteractive; \
	if command -v chromium >/dev/null && ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && command -v pdftoppm >/dev/null && command -v java >/dev/null; \
	then echo "Chromium, PostgreSQL, Java and poppler are here"; \
	else apt-get update -qq; jre=openjdk-17-jre-headless; \
	apt-cache show $$jre >/dev/null 2>&1 || jre=default-jre-headless; \
	apt-get install -y -qq --no-install-recommends chromium postgresql poppler-utils $$jre >/dev/null; fi
