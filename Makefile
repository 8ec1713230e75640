# Two commands do everything: `make demo` and `make test`. Both make the environment first, in .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
NPM := tests/npm/node_modules/.package-lock.json

.PHONY: demo test lint types docs wheel clean

demo: $(READY)
	$(BIN)/aespec build specs/stacked.yaml --backend torch
	$(BIN)/aespec train specs/stacked.yaml --backend torch --data digits -o runs/demo --force
	$(BIN)/aespec reconstruct runs/demo

test: lint types $(NPM)
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

# The site, in build/site: every warning, such as a link to nowhere, is an error.
docs: $(READY)
	$(BIN)/sphinx-build -W --keep-going -n -q docs build/site
	@echo "the site begins at build/site/index.html"

# The wheel, installed where there is no framework, checks and shows a spec.
wheel: $(READY)
	rm -rf build/wheel && $(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/wheel .
	$(PYTHON) -m venv build/wheel/venv && build/wheel/venv/bin/pip install --quiet build/wheel/*.whl
	cd build/wheel && venv/bin/aespec validate $(CURDIR)/specs/*.yaml && venv/bin/aespec summary $(CURDIR)/specs/conv.yaml
	build/wheel/venv/bin/python -c "import importlib.util as u; assert not any(map(u.find_spec, ['torch', 'keras', 'tensorflow']))"

$(READY): pyproject.toml tests/plugin/pyproject.toml
	@echo "making $(VENV), with both frameworks: this takes minutes"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[all,dev]'
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable tests/plugin
	touch $(READY)

# What tests take from npm, where there is npm: the language server that editors check a spec with, and such.
$(NPM): tests/npm/package-lock.json
	! command -v npm > /dev/null || npm ci --prefix tests/npm --no-audit --no-fund --silent

clean:
	rm -rf $(VENV) build dist runs sweeps tests/npm/node_modules
