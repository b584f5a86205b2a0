# Everything Goalpost needs is made here: `make run` and `make test` work on a fresh machine.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed-from-lock
WORKSPACE ?= workspace

.PHONY: run test demo lint

run: $(INSTALLED)
	$(BIN)/goalpost up --workspace "$(WORKSPACE)"

demo: $(INSTALLED)
	$(BIN)/goalpost demo

test: lint
	.ci/chromium
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "Goalpost needs Python 3.11, and this is %d.%d. Install it and run: make PYTHON=python3.11 run" % sys.version_info[:2])'
	@echo "Installing what Goalpost needs into .venv: about 6 GB and a few minutes, once."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $(INSTALLED)
