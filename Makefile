# make run     serves the dashboard            make check    formats, lint and types: fails, changes nothing
# make test    runs all tests                  make format   rewrites what `check` would refuse, where it can
# make setup   installs what `run` needs       make samples  makes sample_data anew
# make browser prints the tests' Chromium      make clean    removes caches; keeps .venv and results
# ARGS are passed on, e.g. make run ARGS="--help" or make test ARGS="tests/engine -x".

VENV := .venv
RUNTIME := requirements.txt
DEVELOPMENT := requirements-dev.txt
BIN := $(VENV)/bin/python
ARGS :=

# The first Python that is new enough and can make a virtual environment; the one most tested comes first.
SUITABLE := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON = $(shell for name in python3.11 python3.12 python3.13 python3.14 python3; do \
	if "$$name" -c '$(SUITABLE)' >/dev/null 2>&1; then echo "$$name"; break; fi; done)

# Side by side but for those that drive a browser: a page that waits for the processor is slow to answer.
ALL_TESTS = $(BIN) -m pytest -m "not browser" -n logical --maxprocesses 4 --dist loadfile && $(BIN) -m pytest -m browser

.PHONY: run setup setup-dev test check format browser samples clean

run: setup
	@$(BIN) -m app $(ARGS)

setup: $(VENV)/.installed

setup-dev: $(VENV)/.installed-dev

# A stamp is younger than the requirements it stands for: up to date means that nothing is run.
$(VENV)/.installed: $(RUNTIME)
	@$(BIN) -m pip --version >/dev/null 2>&1 || { python="$(PYTHON)"; \
	  if [ -z "$$python" ]; then \
	    echo "Found no Python 3.11 or newer that can make a virtual environment. Install one (Debian: python3" >&2; \
	    echo "and python3-venv) and try again, or name it: make setup PYTHON=/path/to/python3" >&2; exit 1; fi; \
	  echo "Making $(VENV) with $$python"; "$$python" -m venv $(VENV); }
	@echo "Installing $(RUNTIME) into $(VENV) (torch is large: the first time takes minutes and about 5 GB)"
	@$(BIN) -m pip install --quiet --upgrade pip
	@$(BIN) -m pip install --quiet --requirement $(RUNTIME)
	@touch $@

$(VENV)/.installed-dev: $(DEVELOPMENT) requirements-ray.txt $(VENV)/.installed
	@echo "Installing $(DEVELOPMENT) into $(VENV)"
	@$(BIN) -m pip install --quiet --requirement $(DEVELOPMENT)
	@touch $@

browser: setup-dev
	@$(BIN) tests/browser/provide_chromium.py

test: setup-dev
	@PARETOSCOPE_CHROMIUM="$$($(BIN) tests/browser/provide_chromium.py)" && export PARETOSCOPE_CHROMIUM && \
	  $(if $(strip $(ARGS)),$(BIN) -m pytest $(ARGS),$(ALL_TESTS))

check: setup-dev
	$(BIN) -m ruff format --check .
	$(BIN) -m ruff check .
	$(BIN) -m mypy

format: setup-dev
	$(BIN) -m ruff format .
	$(BIN) -m ruff check --fix .

samples: setup
	@$(BIN) -m sample_data.make_samples $(ARGS)

clean:
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .grimp_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
