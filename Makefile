# make run: the whole hotline with a demonstration call.   make test: everything.   make env: only the environment.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

PYTHON := $(shell for p in python3.11 python3; do \
  if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$p; break; fi; done)
BIN := .venv/bin
READY := .venv/.ready
DEV_READY := .venv/.ready-dev
PIP := $(BIN)/pip --disable-pip-version-check --no-input install

# Whose Python went with an upgrade of the distribution, or became another one, can start nothing: it is made anew.
WHOLE := $(BIN)/python -c 'import pip, os; os.pidfd_open, os.memfd_create' 2>/dev/null
$(shell [ ! -e .venv ] || $(WHOLE) || rm -f $(READY) $(DEV_READY))

# pip is silent or a flood; this is a line every ten packages of the lock $(1), at once: mawk holds its input back.
COUNT = { n=0; while read -r line; do case $$line in \
  Collecting*) if (( ++n % 10 == 0 )); then echo "environment: $$n of $$(grep -c '^[A-Za-z0-9].*==' $(1)) packages"; fi;; \
  "Installing collected"*) echo "environment: installing them";; \
  esac; done; }

.PHONY: run env dev test check bench chaos soak

run: $(READY)
	@exec $(BIN)/python -m ivr.lab.run

env: $(READY)

dev: $(DEV_READY)

# What runs needs the first lock alone; dev, check, test, bench, chaos and soak need both.
$(READY): requirements.lock pyproject.toml
	$(call bring,requirements.lock)
	@touch $(READY)

$(DEV_READY): requirements-dev.lock requirements.lock pyproject.toml
	$(call bring,requirements-dev.lock)
	@touch $(READY) $(DEV_READY)

define bring
	@if [ -z "$(PYTHON)" ]; then echo "Seda 111 needs Python 3.11 or newer, and none is on PATH."; exit 1; fi
	@if ! $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
	  echo "$(PYTHON) can't make an environment: as root, apt-get install python3-venv, then make again."; exit 1; fi
	@if ! $(PYTHON) -c 'import os; os.pidfd_open, os.memfd_create' 2>/dev/null; then \
	  echo "$(PYTHON) is a portable build (as uv's) that can't watch processes: make PYTHON=/usr/bin/python3.11"; exit 1; fi
	@if ! $(WHOLE); then echo "environment: making .venv"; $(PYTHON) -m venv --clear .venv; fi
	@$(PIP) --require-hashes -r $(1) | $(call COUNT,$(1))
	@$(PIP) --quiet --no-deps -e .
	@echo "environment: ready"
endef

# Calls are real time: where we may (as root), the tests come well before whatever else the machine does.
FIRST := $(shell [ "$$(nice -n -15 nice 2>/dev/null)" = -15 ] && echo nice -n -15)

check: $(DEV_READY)
	$(FIRST) $(BIN)/ruff check .
	$(FIRST) $(BIN)/mypy
	$(FIRST) $(BIN)/pytest tests/test_floors.py

test: check
	$(FIRST) $(BIN)/pytest -n 6 --dist worksteal --durations=10

bench: $(DEV_READY)
	$(BIN)/python -m bench

chaos: $(DEV_READY)
	$(BIN)/python -m bench.chaos $(CHAOS)

soak: $(DEV_READY)
	$(BIN)/python -m bench.soak $(SOAK)
