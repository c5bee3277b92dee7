# Everything sets itself up: a Python 3.11 or newer with venv is all that must be there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: kernels wheels demo test test-fast test-all chromium faketime format lint docs site bench soak fuzz newest audit pinned lock clean

# The installed package, for users.
$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

# With what tests and checks need.
$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

# With what the site needs.
$(VENV)/installed-docs: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@

# The environment of CI, from the files whose hashes stand in requirements-ci.txt: CPython 3.11 on Linux and x86_64.
# Elsewhere it says so, and the other targets install what pyproject.toml allows.
pinned:
	$(PYTHON) tests/pinned.py install $(VENV)

# Resolves pyproject.toml anew and writes requirements-ci.txt.
lock:
	$(PYTHON) tests/pinned.py lock build/lock

# The compiled functions, beside their sources. An installation builds them; this rebuilds them after a change.
LIBRARY := raycontext/kernel/kernels-baseline.so
kernels: $(LIBRARY)

$(LIBRARY): $(wildcard raycontext/kernel/*.[ch]) compile_kernels.py | $(VENV)
	@$(BIN)/python compile_kernels.py

$(VENV):
	@$(MAKE) --no-print-directory $(VENV)/installed

# Wheels for Linux on x86_64 and aarch64, and the source distribution, in dist/.
wheels: $(VENV)/installed-dev
	$(BIN)/python tests/wheels.py build

demo: $(VENV)/installed kernels
	$(BIN)/python examples/demo.py

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lint: $(VENV)/installed-dev kernels
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# All tests, the files that take longest first: both processes shall end together.
PYTEST := $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

test: $(VENV)/installed-dev kernels chromium faketime
	$(PYTEST) --durations 30

# The inner loop: no Ray, no soak, no property runs, and no programs of their own that tests start and kill.
test-fast: $(VENV)/installed-dev kernels
	$(PYTEST) -m 'not (ray or soak or property or process)'

# Unit tests, one real index and one search on every other Python from 3.11 on that is installed.
test-all:
	$(PYTHON) tests/interpreters.py

# References from docstrings, commands and OpenAPI, and the picture of the architecture; a test compares them.
docs: $(VENV)/installed
	$(BIN)/python docs/generate.py

# The documentation as a site, in build/site. Not with --quiet, which would let warnings pass.
site: docs $(VENV)/installed-docs
	$(BIN)/python docs/generate.py build/pages
	$(BIN)/python -m mkdocs build --strict

# The browser for the tests of the web page.
chromium:
	@if command -v chromium >/dev/null || command -v google-chrome >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends chromium >/dev/null; \
	else \
		echo "The tests of the web page need Chromium. Install it first, on Debian: sudo apt-get install chromium" >&2; exit 1; \
	fi

# The wrong clocks for the tests of writers whose clocks differ. Elsewhere than on Debian these tests are skipped.
faketime:
	@if command -v faketime >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends faketime >/dev/null; \
	fi

# The short form of the benchmarks, in under ten minutes: prints a table and writes build/benchmarks.json.
bench: $(VENV)/installed
	$(BIN)/python benchmarks/short.py

# Writers that are killed for ten minutes, and then users who fork, clear, publish, pull and read refs, both with full
# disks, errors and wrong clocks; short forms are among the tests.
soak: $(VENV)/installed-dev
	$(BIN)/python tests/recovery/soak.py --seconds 600
	$(BIN)/python tests/recovery/sharing_soak.py --seconds 600

# Hostile inputs for each border, so many seconds each; prints their number by kind. One border alone:
# .venv/bin/python -m tests.fuzz BORDER --seconds N.
SECONDS ?= 300
fuzz: $(VENV)/installed-dev kernels
	$(BIN)/python -m tests.fuzz all --seconds $(SECONDS)

# The quick tests with the newest versions of all dependencies, those beyond our bounds too, in build/newest.
newest:
	$(PYTHON) tests/newest.py build/newest
	build/newest/bin/python compile_kernels.py
	build/newest/bin/python -m pytest --numprocesses 2 --dist loadfile -m 'not (ray or soak or property or process)'

# Known vulnerabilities of what is installed here. Where the database cannot be reached, it says so and fails nothing.
audit: $(VENV)/installed
	$(PYTHON) tests/audit.py $(BIN)/python build/audit

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
