# One word each; `make help` lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help

# Any Python from 3.11 on; PYTHON=... chooses another.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3.14 python3; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$name"; break; }; done)
VENV_PYTHON := .venv/bin/python
RUN_READY := .venv/.ready-to-run
TESTS_READY := .venv/.ready-to-test
CATALOGS := $(patsubst %.po,%.mo,$(wildcard translations/*/LC_MESSAGES/*.po))
# Tests run in this many processes.
PROCESSES ?= 2
# How many customers `make bench` measures with.
CUSTOMERS ?= 100000
# What else pytest is told, as in: make test ARGS='-k refill'
ARGS ?=

.PHONY: help run test check soak bench mutation golden matrix screens sbom reset production install lint types words

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

run: $(RUN_READY) $(CATALOGS) ## start the portal with demo data; Ctrl-C stops it
	@exec $(VENV_PYTHON) -m launcher

test: $(TESTS_READY) $(CATALOGS) ## install what the tests need and run all of them
	@sh scripts/test-tools
	$(VENV_PYTHON) -m pytest -n $(PROCESSES) $(ARGS)

check: lint types test ## all that must hold before a change is accepted

soak: $(TESTS_READY) $(CATALOGS) ## long faults and random walks; prints its figures
	@sh scripts/test-tools
	$(VENV_PYTHON) -m pytest -n $(PROCESSES) -m soak -rP $(ARGS)

bench: $(TESTS_READY) $(CATALOGS) ## measure
	CUSTOMERS=$(CUSTOMERS) $(VENV_PYTHON) -m benchmarks.portal
	$(VENV_PYTHON) -m benchmarks.run_of_the_25th --customers $(CUSTOMERS)
	$(VENV_PYTHON) -m benchmarks.demo_and_verify --customers $(CUSTOMERS) --months 12
	$(VENV_PYTHON) -m benchmarks.row_policies --customers $(CUSTOMERS)

mutation: $(TESTS_READY) ## break the rules one by one (OF=services: a sample of what moves points); 90 % must be noticed
	@PROCESSES=$(PROCESSES) $(VENV_PYTHON) scripts/mutation$(if $(filter services,$(OF)),-services)

golden: $(TESTS_READY) $(CATALOGS) ## write the golden files anew; look at the difference before keeping it
	UPDATE_GOLDEN=1 $(VENV_PYTHON) -m pytest tests/golden $(ARGS)

matrix: $(TESTS_READY) $(CATALOGS) ## write docs/permissions.md anew from docs/permissions.toml
	UPDATE_GOLDEN=1 $(VENV_PYTHON) -m pytest tests/security/test_access_matrix.py $(ARGS)

screens: $(TESTS_READY) $(CATALOGS) ## take the pictures of docs/screens/ anew
	@sh scripts/test-tools
	$(VENV_PYTHON) -m tests.support.screenshots docs/screens

sbom: ## list everything that the portal runs with, in var/sbom.json (CycloneDX)
	@PYTHON="$(PYTHON)" sh scripts/sbom "$${VAR_DIR:-var}/sbom.json"

reset: ## forget the embedded database and queue (var/)
	@$(PYTHON) -m launcher.reset

production: $(RUN_READY) $(CATALOGS) ## make .venv with what the portal needs to run, nothing for developers

install: $(TESTS_READY) $(CATALOGS) ## make .venv with everything, for developers

lint: $(TESTS_READY) ## rules and layout of the code
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .
	@found=$$($(VENV_PYTHON) -m bandit -q -r -c pyproject.toml . 2>&1) || { echo "$$found"; exit 1; }

types: $(TESTS_READY) ## types of the code
	$(VENV_PYTHON) -m mypy

words: $(RUN_READY) ## bring the English words into line with the screens; then fill what is empty
	@mkdir -p var
	@scripts/extract-words var/words.pot
	$(VENV_PYTHON) -m babel.messages.frontend update --no-fuzzy-matching --ignore-obsolete --no-wrap \
		--ignore-pot-creation-date -i var/words.pot -o translations/en/LC_MESSAGES/messages.po -l en
	@rm -f var/words.pot

$(RUN_READY): requirements.txt constraints.txt scripts/virtual-environment
	@PYTHON="$(PYTHON)" sh scripts/virtual-environment requirements.txt
	@touch $@

$(TESTS_READY): requirements-dev.txt $(RUN_READY)
	@PYTHON="$(PYTHON)" sh scripts/virtual-environment requirements-dev.txt
	@touch $@

translations/%.mo: translations/%.po $(RUN_READY)
	$(VENV_PYTHON) -m babel.messages.frontend compile -i $< -o $@
