# Each target works as the first command in a fresh clone: Python >= 3.11 and PyPI are all it needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Two processes of tests, a file at a time in each: fixtures of a file are made once.
PARALLEL ?= -n 2 --dist loadfile
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: demo test test-fast coverage lint format generated install clean

demo: $(VENV)/.installed
	$(BIN)/featx demo

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest $(PARALLEL)

# What is not marked slow: for every change.
test-fast: $(VENV)/.installed-test
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow"

coverage: $(VENV)/.installed-test
	$(BIN)/python -m pytest $(PARALLEL) --cov=featx --cov-report=term:skip-covered

lint: $(VENV)/.installed-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy --strict featx

format: $(VENV)/.installed-lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# What is made from the declarations of settings; tests fail when it is not current.
generated: $(VENV)/.installed-lint
	$(BIN)/python docs/make_keywords.py
	$(BIN)/ruff format featx/settings/keywords.py
	$(BIN)/python docs/make_schema.py
	$(BIN)/python docs/make_cli.py

install: $(VENV)/.installed

# torch first and by its exact version: an unpinned torch may bring gigabytes of CUDA packages.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "featx needs Python >= 3.11; run make PYTHON=python3.12 (or 3.11, 3.13)")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip --disable-pip-version-check install --quiet "pip>=25.1"
	$(PIP) $$(grep '^torch==' constraints.txt)
	$(PIP) --editable '.[demo]'
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) --group test
	touch $@

$(VENV)/.installed-lint: $(VENV)/.installed-test
	$(PIP) --group lint
	touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
