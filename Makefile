# Everything below needs python3 (3.10 or newer, with venv), make and git; the rest is installed into .venv.
#
#   make demo            the example site on http://127.0.0.1:8000/ (PORT=...)
#   make demo-reset      the same, with its data made anew
#   make test            the suite on SQLite, PostgreSQL and MariaDB, and in Chromium
#                        (REQUIRE=postgres,mariadb,redis,browser; ARGS="-k word")
#   make test-browser    the tests in Chromium alone; Debian's is installed where there is none
#   make test-adoption   databases made by the old packages, taken over
#   make crash           killed workers and restarted servers, for an hour (ARGS="--minutes 5")
#   make bench           ours against the peers and the floor, and docs/performance.rst (ARGS="--case page")
#   make bench-quick     the same with tiny sizes, only to see that it runs
#   make bench-live      what open streams cost, and docs/explanation/live.rst (ARGS=--quick)
#   make lint            what CI and pre-commit check
#   make format          what can be put right without thinking
#   make messages        the catalogues of the languages, renewed from the source
#   make docs            docs/_build/html, and the doctests
#   make screenshots     the pictures of the README and the docs, anew
#   make wheel           dist/, checked
#   make tox             the other Pythons and Djangos (ARGS="-e py313-django61")
#   make clean           everything that was built, .venv included

PYTHON ?= python3
PORT ?= 8000
REQUIRE ?=
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
TEMPLATES = $(shell find notifications example -name '*.html')

export REQUIRE

.PHONY: help demo demo-reset test test-browser chromium test-adoption crash bench bench-quick bench-live lint format docs screenshots wheel tox clean
# Two targets would run pip on the one .venv.
.NOTPARALLEL:

help:
	@sed -n 's/^#   //p' Makefile

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed, $(PYTHON) is " + sys.version.split()[0] + "; try make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

# One stamp per extra: installed when the stamp is older than what declares the requirements.
$(VENV)/installed-%: pyproject.toml $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

demo: $(VENV)/installed-demo
	$(BIN)/python example/manage.py demo --port $(PORT)

demo-reset: $(VENV)/installed-demo
	$(BIN)/python example/manage.py demo --reset --port $(PORT)

test: $(VENV)/installed-test
	$(BIN)/python tests/run.py $(ARGS)

test-browser: $(VENV)/installed-test chromium
	REQUIRE=browser $(BIN)/python tests/run.py --backend browser $(ARGS)

# Whether a browser must be there is for REQUIRE to say; here one is only fetched where it can be had.
chromium:
	@command -v chromium >/dev/null || \
	    { apt-get update && apt-get install --yes chromium; } >/dev/null 2>&1 </dev/null || \
	    echo "chromium cannot be installed"

test-adoption: $(VENV)/installed-test
	$(BIN)/python tests/adoption/run.py $(ARGS)

crash: $(VENV)/installed-test
	$(BIN)/python tests/crash/run.py $(ARGS)

bench: $(VENV)/installed-test
	$(BIN)/python benchmarks/run.py $(ARGS)

bench-quick: $(VENV)/installed-test
	$(BIN)/python benchmarks/run.py --quick $(ARGS)

bench-live: $(VENV)/installed-test
	$(BIN)/python benchmarks/live.py $(ARGS)

lint: $(VENV)/installed-lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djade --target-version 5.2 --check $(TEMPLATES)
	$(BIN)/python -W error -m django makemigrations --check --dry-run --settings tests.settings.default
	$(BIN)/python -W error -m django makemigrations --check --dry-run --settings tests.settings.subscriptions

format: $(VENV)/installed-lint
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format
	$(BIN)/djade --target-version 5.2 $(TEMPLATES)

messages: $(VENV)/installed-test
	$(BIN)/python tests/messages.py $(ARGS)

docs: $(VENV)/installed-docs
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html
	$(BIN)/python -m sphinx -W --keep-going -b doctest docs docs/_build/doctest

screenshots: $(VENV)/installed-test chromium
	$(BIN)/python docs/screenshots.py

wheel: $(VENV)/installed-dev
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/python -m twine check --strict dist/*

tox: $(VENV)/installed-dev
	$(BIN)/python -m tox run-parallel --parallel 2 --parallel-live $(ARGS)

clean:
	rm -rf $(VENV) .cache .tox build dist htmlcov .coverage .coverage.* *.egg-info docs/_build
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
