# Requires python3 (3.10 or newer, with venv), make and git. Everything else is installed into .venv.
#
#   make demo            start the example site on http://127.0.0.1:8000/ (PORT=...)
#   make demo-reset      the same with fresh data
#   make test            run the tests on SQLite, PostgreSQL and MariaDB, and in Chromium
#                        (REQUIRE=postgres,mariadb,redis,browser; ARGS="-k word")
#   make test-quick      run the tests on SQLite only, without servers and browser
#   make test-all        run every test in every install shape on every database, before a release
#   make test-loaded     run make test three times while all processors are busy
#   make test-browser    run only the tests in Chromium; install Debian's chromium-headless-shell if it is missing
#   make test-webkit     run the tests of inbox, threads and bell in WebKitGTK, as far as its driver allows
#   make test-adoption   test the upgrade of databases of the old packages
#   make crash           test with killed workers and restarted servers for an hour (ARGS="--minutes 5")
#   make mutants         change the package in 300 random places, and see whether a test fails (ARGS="--number 30")
#   make bench           run the benchmarks and update docs/performance*.rst (ARGS="--case page")
#   make bench-quick     run the benchmarks with tiny sizes, only to check that they work
#   make bench-live      measure open streams and update docs/explanation/live.rst (ARGS=--quick)
#   make lint            run the checks of CI and pre-commit
#   make format          fix what can be fixed automatically
#   make messages        update the translation catalogues from the source
#   make docs            build docs/_build/html
#   make screenshots     regenerate the screenshots of the README and the docs
#   make wheel           build and check dist/
#   make release         check and build a release, without uploading it (TAG=v2.0.0 ARGS=--dry-run)
#   make tox             test the other versions of Python and Django (ARGS="-e py313-django61")
#   make clean           delete everything that was built, including .venv

PYTHON ?= python3
PORT ?= 8000
REQUIRE ?=
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
TEMPLATES = $(shell find notifications example -name '*.html')

export REQUIRE
# Images of containers set it. Without its bytecode, each of some hundred processes compiles the package again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo demo-reset test test-quick test-all test-loaded test-browser chromium test-webkit test-adoption crash mutants bench bench-quick bench-live lint format docs screenshots wheel release tox clean
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

test-quick: $(VENV)/installed-test
	$(BIN)/python tests/run.py --quick $(ARGS)

# Alone, and with more examples for each property.
test-all: export HYPOTHESIS_PROFILE = thorough
test-all: $(VENV)/installed-test
	$(BIN)/python tests/run.py --all $(ARGS)

test-loaded: $(VENV)/installed-test
	$(BIN)/python tests/loaded.py $(BIN)/python tests/run.py --time-limit 100 $(ARGS)

test-browser: $(VENV)/installed-test chromium
	REQUIRE=browser $(BIN)/python tests/run.py --backend browser $(ARGS)

test-webkit: $(VENV)/installed-webkit
	@command -v WebKitWebDriver Xvfb >/dev/null || apt-get install --yes webkit2gtk-driver xvfb
	$(BIN)/python -m pytest --ds=tests.settings.default --browser --webkit -rs $(ARGS) \
	    tests/browser/test_inbox_js.py tests/browser/test_threads_js.py tests/browser/test_bell_js.py

# Whether a browser must be there is for REQUIRE to say; here one is only fetched where it can be had.
chromium:
	@command -v chromium-headless-shell >/dev/null || \
	    { apt-get update && apt-get install --yes chromium-headless-shell; } >/dev/null 2>&1 </dev/null || \
	    echo "chromium-headless-shell cannot be installed"

test-adoption: $(VENV)/installed-test
	$(BIN)/python tests/adoption/run.py $(ARGS)

crash: $(VENV)/installed-test
	$(BIN)/python tests/crash/run.py $(ARGS)

mutants: $(VENV)/installed-test
	$(BIN)/python tests/mutants.py $(ARGS)

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
	$(BIN)/python -W error tests/missing_migrations.py

format: $(VENV)/installed-lint
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format
	$(BIN)/djade --target-version 5.2 $(TEMPLATES)

messages: $(VENV)/installed-test
	$(BIN)/python tests/messages.py $(ARGS)

docs: $(VENV)/installed-docs
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

screenshots: $(VENV)/installed-test $(VENV)/installed-docs chromium
	$(BIN)/python docs/screenshots.py

wheel: $(VENV)/installed-dev
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/python -m twine check --strict dist/*

release: $(VENV)/installed-dev
	$(BIN)/python .ci/release.py $(TAG) $(ARGS)

tox: $(VENV)/installed-dev
	$(BIN)/python -m tox run-parallel --parallel 3 --parallel-live $(ARGS)

clean:
	rm -rf $(VENV) .cache .tox build dist htmlcov .coverage .coverage.* *.egg-info docs/_build
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
