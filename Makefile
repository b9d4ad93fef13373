# Everything in a few words; each target is one plain command that also works by hand.
PYTHON ?= python3
PARAMS ?= params/tiny.yaml
BIN := .venv/bin

# Both would send notebooks to a kernel outside .venv.
unexport JUPYTER_PATH JUPYTER_PREFER_ENV_PATH

.PHONY: help run test long browser lab unsloth lint clean
.DELETE_ON_ERROR:

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

run: .venv/.ok ## run the notebooks in order (PARAMS=params/tiny.yaml)
	$(BIN)/python -m skymath_nb run $(PARAMS)

test: .venv/.ok ## run the tests
	$(BIN)/python -m pytest

long: .venv/.ok ## run the tests that take long: every notebook, every recipe
	$(BIN)/python -m pytest -m long

browser: .venv/.browser ## run the notebooks in JupyterLab, in a real Chromium
	$(BIN)/python -m pytest -n 0 -m browser tests/browser

lab: .venv/.ok ## open JupyterLab on the first notebook, on this machine alone, with a token
	$(BIN)/jupyter-lab --ip=127.0.0.1 --ServerApp.root_dir=. notebooks/00_start_here.ipynb

unsloth: .venv/.ok ## add Unsloth on a machine without a GPU
	$(BIN)/python -m pip install --no-deps -c constraints.txt unsloth unsloth_zoo peft

lint: .venv/.ok ## check style and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

clean: ## remove the environment and caches; outputs/ stays
	rm -rf .venv build *.egg-info .pytest_cache .ruff_cache unsloth_compiled_cache

.venv/.ok: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -c constraints.txt -e '.[dev]'
	@touch $@

.venv/.browser: .venv/.ok
	$(BIN)/python -m pip install -c constraints.txt -e '.[browser]'
	@touch $@
