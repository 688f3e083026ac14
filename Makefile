# The commands of this house. Each sets up what it needs first (packaging/dev/setup.sh; a second call is instant).
# Windows and machines without make: the same as plain commands in README.md.

PY := .venv/bin/python
WORKERS ?= 2
DURATION ?= 24h
BENCH ?= all

.PHONY: help demo test lint format bench soak setup picture bare clean

help:
	@echo "make demo      set up a practice instance and run a workflow on it, for real"
	@echo "make test      all checks and tests              ARGS='-k name' narrows pytest"
	@echo "make lint      the checks only"
	@echo "make format    put the code into its form"
	@echo "make bench     the numbers, each against its peer  BENCH='latency nodes', ARGS='--record'"
	@echo "make soak      20 practice instances with drops   DURATION=10m (24h by default)"
	@echo "make setup     what all of them need"
	@echo "make picture   draw docs/screenshots/demo.svg anew"
	@echo "make bare      demo and test on an empty Debian 12 (as root, needs debootstrap)"
	@echo "make clean     remove everything that was made here"

setup:
	@packaging/dev/setup.sh dev

demo:
	@packaging/dev/setup.sh app
	@.venv/bin/vastdesk demo --headless $(ARGS)

lint: setup
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports --no-logo
	.venv/bin/vermin --quiet --no-tips --violations -t=3.8- vastdesk/remote/runner

test: lint
	$(PY) -m pytest -n $(WORKERS) $(ARGS)

format: setup
	$(PY) -m ruff check --fix-only .
	$(PY) -m ruff format .

bench: setup
	$(PY) -m bench $(BENCH) $(ARGS)

soak: setup
	$(PY) -m bench.soak --duration $(DURATION) $(ARGS)

picture:
	@packaging/dev/setup.sh app
	$(PY) packaging/dev/picture.py

bare:
	packaging/dev/bare.sh $(ARGS)

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
