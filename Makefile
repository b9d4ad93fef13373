# Everything in a few words; each target is one plain command that also works by hand.
PYTHON ?= python3
PARAMS ?= params/tiny.yaml
# The environment: .venv has the newest versions that were tested, .venv-unsloth those that Unsloth accepts.
VENV ?= .venv
BIN = $(VENV)/bin

# Foreign folders of Jupyter stay out of the environment.
unexport JUPYTER_PATH JUPYTER_PREFER_ENV_PATH

.PHONY: help run test long browser lab unsloth test-unsloth lint clean
.DELETE_ON_ERROR:

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/.ok ## run the notebooks in order (PARAMS=params/tiny.yaml)
	$(BIN)/python -m skymath_nb run $(PARAMS)

test: $(VENV)/.ok ## run the tests
	$(BIN)/python -m pytest

long: $(VENV)/.ok ## run the tests that take long: every notebook, every recipe
	$(BIN)/python -m pytest -m long

browser: .venv/.browser ## run the notebooks in JupyterLab, in a real Chromium
	.venv/bin/python -m pytest -n 0 -m browser tests/browser

lab: $(VENV)/.ok ## open JupyterLab on the first notebook, on this machine alone, with a token
	$(BIN)/python -m jupyterlab --ip=127.0.0.1 --ServerApp.root_dir=. --ServerApp.kernel_spec_manager_class=skymath_nb.runner.kernelspecs.OwnKernels notebooks/00_start_here.ipynb

unsloth: .venv-unsloth/.ok ## set up .venv-unsloth: Unsloth without a GPU, and the versions that it accepts

test-unsloth: .venv-unsloth/.ok ## run the tests of models, training and data sets in .venv-unsloth
	.venv-unsloth/bin/python -m pytest -m stack

lint: .venv/.ok ## check style and format
	.venv/bin/ruff check
	.venv/bin/ruff format --check

clean: ## remove the environments and caches; outputs/ stays
	rm -rf .venv .venv-unsloth build *.egg-info .pytest_cache .ruff_cache unsloth_compiled_cache

.venv/.ok: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install -c constraints.txt -e '.[dev]'
	@touch $@

.venv/.browser: .venv/.ok
	.venv/bin/python -m pip install -c constraints.txt -e '.[browser]'
	@touch $@

# Unsloth comes without what it asks for: on a machine without a GPU some of it cannot be installed, and none of it is needed.
.venv-unsloth/.ok: pyproject.toml constraints-unsloth.txt
	$(PYTHON) -m venv .venv-unsloth
	.venv-unsloth/bin/python -m pip install -c constraints-unsloth.txt -e '.[dev]'
	.venv-unsloth/bin/python -m pip install --no-deps -c constraints-unsloth.txt unsloth unsloth_zoo peft
	@touch $@
