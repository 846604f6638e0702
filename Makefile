# make lab    opens the first lesson in JupyterLab (sets everything up the first time)
# make test   checks everything: lint, types, front end, lessons, real browser, wheel
# make claims measures the claims at full size; NAME=... for one
# make bench  prints the ratios of benchmarks/
# make gallery runs the lessons and writes them as HTML into gallery/
# make lint   ruff, mypy, import rules, tsc

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help lab test claims bench gallery lint js setup clean

LESSON := notebooks/01_paint_with_units.ipynb
LAB_ARGS ?=
NAME ?=
PYTEST_ARGS ?=
VENV := .venv
PY := $(VENV)/bin/python
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
export PYTHONUTF8 := 1
# a worker for each core, a thread for each worker
CORES := $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)
WORKERS ?= $(CORES)
STEP := scripts/step.sh

help:
	@sed -n '1,6s|^# ||p' Makefile

# ---- set-up: a stamp for each thing, so that a second run takes no time

$(VENV)/.python:
	@scripts/venv.sh $(VENV)
	@touch $@

$(VENV)/.lab: $(VENV)/.python pyproject.toml setup.py
	@$(STEP) "ganwidgets and JupyterLab" $(PY) -m pip install -q -e ".[lab]"
	@touch $@

$(VENV)/.dev: $(VENV)/.lab
	@$(STEP) "tools for tests" $(PY) -m pip install -q -e ".[lab,dev,study,models,diffusion]"
	@touch $@

js/node_modules/.package-lock.json: js/package.json js/package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node 20 or newer"; exit 1; }
	@$(STEP) "npm ci" npm ci --prefix js --no-audit --no-fund --loglevel=error
	@touch $@

# tests/hosts drives the labs at Colab's versions
$(VENV)-colab/.made: scripts/colab_venv.sh $(VENV)/.dev
	@$(STEP) "an environment at Colab's versions" scripts/colab_venv.sh $(VENV)-colab $(VENV)
	@touch $@

.PHONY: browser
browser:
	@scripts/browser.sh

setup: $(VENV)/.dev $(VENV)-colab/.made js/node_modules/.package-lock.json browser

# ---- what people run

lab: $(VENV)/.lab
	@scripts/lab.sh $(LESSON) $(LAB_ARGS)

js: js/node_modules/.package-lock.json
	@npm run build --prefix js

lint: $(VENV)/.dev js/node_modules/.package-lock.json
	@$(STEP) "ruff" ruff check -q .
	@$(STEP) "mypy" mypy
	@$(STEP) "import rules" lint-imports
	@$(STEP) "tsc" npm run -s typecheck --prefix js

test: setup lint
	@$(STEP) "front-end tests" npm test -s --prefix js
	@$(STEP) "the committed bundle is current" scripts/bundle_is_current.sh
	@$(STEP) "unit tests, house, lessons" env OMP_NUM_THREADS=1 $(PY) -m pytest -q -n $(WORKERS) --dist=worksteal \
	    -m "not browser" --durations=10 --nbmake --nbmake-timeout=120 tests notebooks $(PYTEST_ARGS)
	@$(STEP) "browser tests" env OMP_NUM_THREADS=1 $(PY) -m pytest -q -m browser --durations=5 tests $(PYTEST_ARGS)
	@echo "all tests passed"

claims: $(VENV)/.dev
	@$(PY) -m claims $(NAME)

bench: $(VENV)/.dev
	@OMP_NUM_THREADS=1 $(PY) -m benchmarks $(NAME)

# of a widget its picture, since the pages are to be read with no kernel and no network
SHOWN := ['text/html', 'text/markdown', 'image/svg+xml', 'image/png', 'image/jpeg', 'text/latex', 'text/plain']
gallery: $(VENV)/.lab
	@$(STEP) "lessons as HTML in gallery/" jupyter nbconvert --execute --to html --output-dir gallery --log-level ERROR \
	    --NbConvertBase.display_data_priority="$(SHOWN)" notebooks/*.ipynb

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
