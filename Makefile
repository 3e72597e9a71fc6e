# Needs Python 3.11 or newer with pip, git and make. Everything else comes by uv, into folders of this checkout.

PYTHON ?= python3
UV_VERSION := 0.13.9
UV := .tools/bin/uv
BIN := .venv/bin

# What the portal's style and scripts are made of; uv builds the package again when one of them changes.
ASSETS := build_assets.py package.json package-lock.json $(wildcard src/hanse/web/static/*)

.PHONY: help demo test check fix assets screenshots pictures bench clean

help:
	@echo "make demo    run a hub and its nodes on this machine and print the address (HOME_DIR=..., PORT=...)"
	@echo "make test    run all tests"
	@echo "make check   lint, formatting, types of core/, layers, lock file; changes nothing"
	@echo "make fix     repair what 'make check' finds, where a program can"
	@echo "make assets  build the portal's style and scripts again, after a change in src/hanse/web/static"
	@echo "make screenshots  take pictures of every page into build/screenshots (HUB=..., PAGES=...)"
	@echo "make pictures  take the README's pictures of the cohort page, with the demo running (HUB=...)"
	@echo "make bench   measure, each beside its peer, into build/benchmarks.json"
	@echo "make clean   remove everything that these commands made, the demo's data included"

demo: .venv/.run
	@$(BIN)/hanse demo $(if $(HOME_DIR),--home "$(HOME_DIR)") $(if $(PORT),--port $(PORT))

test: .venv/.develop
	@$(BIN)/python tests/system_packages.py
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

check: .venv/.develop
	@$(UV) -q lock --check
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/pytest tests/test_layers.py

fix: .venv/.develop
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

# uv builds the package when an asset's source changed, and the build makes the assets, with Node.js from PyPI where this
# machine has none.
assets: .venv/.develop

screenshots: .venv/.develop
	@$(BIN)/python -m tests.screenshots $(if $(HUB),--hub "$(HUB)") $(PAGES)

pictures: .venv/.develop
	@$(BIN)/python -m tests.screenshots --readme --hub "$(or $(HUB),http://127.0.0.1:8080)"

bench: .venv/.develop
	@$(BIN)/python -m benchmarks

clean:
	rm -rf .venv .tools build dist demo node_modules src/hanse/web/dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# `--target` needs neither the venv module nor a Python that pip may change.
$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Hanse needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	@echo "Fetching uv $(UV_VERSION) into .tools ..."
	@$(PYTHON) -m pip install -q --disable-pip-version-check --target .tools uv==$(UV_VERSION)

# uv keeps what it has built; where the assets were taken away since, it has to build once more.
SYNC = $(UV) sync --locked --python $(PYTHON) $(if $(wildcard src/hanse/web/dist/manifest.json),,--reinstall-package hanse)

# `--inexact` leaves the developer's tools in place when both environments are wanted.
.venv/.run: $(UV) uv.lock pyproject.toml $(ASSETS)
	@$(SYNC) --extra demo --no-default-groups --inexact
	@touch $@

.venv/.develop: $(UV) uv.lock pyproject.toml $(ASSETS)
	@$(SYNC) --all-extras --all-groups
	@touch $@ .venv/.run
