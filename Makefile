# Every target builds .venv first (scripts/env.sh; quick when nothing changed).
PYTHON := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: help env up test test-fast lint format bench lock

help:
	@echo "make up         start Loupe and print its address"
	@echo "make env        install what Loupe needs into .venv"
	@echo "make test       lint, then every test"
	@echo "make test-fast  the tests that take under a minute together"
	@echo "make lint       ruff, types, import rules"
	@echo "make format     put the code into its one form"
	@echo "make bench      the benchmarks of every app, e.g. make bench NAME=throughput"
	@echo "make lock       write requirements/lock.txt anew from PYTHON=<python>"

env:
	@scripts/env.sh

up: env
	@exec $(PYTHON) manage.py up $(ARGS)

test: env
	@scripts/test.sh

test-fast: env
	@exec $(PYTHON) -m pytest -n 2 -m "not slow and not e2e and not load and not serial" $(ARGS)

lint: env
	@scripts/lint.sh

format: env
	@$(PYTHON) -m ruff check --fix --quiet . ; $(PYTHON) -m ruff format .

bench: env
	@exec $(PYTHON) manage.py bench $(NAME) $(ARGS)

lock:
	@scripts/lock.sh $(PYTHON)
