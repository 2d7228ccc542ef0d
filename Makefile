# All that CI runs. `make demo` for a first look, `make check` before a commit.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo check lint types layers wheel-smoke test train train-data clean

demo: $(VENV)/.installed
	@$(BIN)/vamba demo

check: lint types layers wheel-smoke test

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

layers: $(VENV)/.installed-dev
	$(BIN)/python -m pytest tests/test_layers.py tests/test_budgets.py

wheel-smoke: $(VENV)/.installed-dev
	$(BIN)/python -m pytest tests/test_wheel.py

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest --ignore tests/test_layers.py --ignore tests/test_budgets.py --ignore tests/test_wheel.py

# Fonts, words, photographs and pages for training: CONTRIBUTING says from where.
train-data: $(VENV)/.installed
	$(PIP) -e '.[train]'
	$(BIN)/python -m vamba_cli.train.pack .train $(if $(wildcard ../shared/slides),--pages ../shared/slides)

# On a machine with a GPU.
train: $(VENV)/.installed
	$(PIP) -e '.[train]'
	$(BIN)/python -m vamba_cli.train --fonts .train/fonts $(if $(wildcard .train/pages),--pages .train/pages) --resume vamba_cli/weights/tiny --out runs/next

$(VENV)/.created:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "vamba needs Python 3.11 or later: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.created pyproject.toml constraints.txt
	@echo "installing vamba and torch into $(VENV), once ..."
	$(PIP) -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "installing the development tools, once ..."
	$(PIP) -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
