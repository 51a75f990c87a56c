# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

# The commands people and CI use; `make help` lists them. What the lab is made of and where it keeps things: lab/settings.py.

PYTHON ?= python3.11
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
# The newest ansible-core needs Python 3.12: the first one that really starts (a version manager's shim may stand for nothing).
NEWEST_VENV := .venv-newest
NEWEST_BIN := $(CURDIR)/$(NEWEST_VENV)/bin
NEWEST_PYTHON ?= $(shell for python in python3.12 "$$HOME"/.pyenv/versions/3.12.*/bin/python3.12; do \
	"$$python" -c 'import venv' 2>/dev/null && echo "$$python" && break; done)
LAB := $(BIN)/python -m lab
INVENTORY := $(if $(filter-out 3,$(LAB_NODES))$(filter-out 0,$(LAB_FAR_NODES)),build/inventory,inventories/lab)
# The order matters: flannel's scenarios first, a migration that is taken back, one that is finished, what stands on Calico, the way back to
# flannel, the other strategy.
SCENARIOS := flannel network_inspection network_policies switch demo_app kubelet bad_input support_bundle image_mirror rollback cni_migration calico network_inspection \
	network_policies cni_cleanup migrate_to_flannel cutover calico_install

export PATH := $(BIN):$(PATH)
export LAB_INVENTORY := $(INVENTORY)
export MOLECULE_GLOB := molecule/*/molecule.yml
export PYTHONDONTWRITEBYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: help setup packages migrate lab lab-reset lab-down lab-status test test-fast test-newest test-lab test-long lint bench bench-migrations bench-switches bench-images reference artifact clean distclean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.installed ## the virtual environment with pinned versions

# The mark comes last, so an interrupted installation is done again.
$(VENV)/.installed: requirements/py311.txt
	@tests/support/need_python.sh $(PYTHON)
	@echo "setup: installing the pinned Python packages into $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(NEWEST_VENV)/.installed: requirements/py312.txt
	@$(NEWEST_PYTHON) -m venv $(NEWEST_VENV)
	@$(NEWEST_BIN)/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

# --- The product on the lab -------------------------------------------------------------------------------------------

packages: setup ## the host's Debian packages for the lab and the tests
	@$(LAB) packages
	@$(BIN)/python tests/support/skopeo.py

# The registry that plays the upstream ones is off meanwhile, so what runs came from Harbor.
migrate: lab ## flannel to Calico on the lab with images of its Harbor, from a bare machine to a verified cluster
	ansible-playbook -i $(INVENTORY) playbooks/mirror_images.yml --extra-vars @lab/harbor.yml
	@$(LAB) upstream-off
	ansible-playbook -i $(INVENTORY) playbooks/migrate-to-calico.yml --extra-vars @lab/harbor.yml \
		--extra-vars image_mirror_from_lock=true || { $(LAB) upstream-on; exit 1; }
	@$(LAB) upstream-on

lab: setup ## a running lab cluster; the one that is there, if it is the same
	@$(LAB) up

lab-reset: setup ## a fresh lab cluster on flannel
	@$(LAB) reset

lab-down: setup ## end the lab and put the host back as it was
	@$(LAB) down

lab-status: setup ## what runs, where, and how much it takes
	@$(LAB) status

# --- Tests ------------------------------------------------------------------------------------------------------------

test: setup ## every gate and test, lab included
	@$(BIN)/python tests/support/run_targets.py packages lint test-fast test-newest artifact test-lab

test-fast: setup ## unit tests, and integration tests without the lab
	$(BIN)/pytest --quiet --numprocesses 2 -m 'not lab and not long'

ifeq ($(NEWEST_PYTHON),)
test-newest:
	@echo "test-newest: skipped, no Python 3.12 here; the newest ansible-core was not tried (NEWEST_PYTHON=/path/to/python3.12 names one)"
else
test-newest: $(NEWEST_VENV)/.installed ## unit tests and documentation on the newest ansible-core
	PATH="$(NEWEST_BIN):$$PATH" $(NEWEST_BIN)/pytest --quiet --numprocesses 2 -m 'not lab and not long' tests/unit
	tests/sanity/validate_modules.sh $(NEWEST_BIN)/python
endif

test-lab: setup ## every role's scenario on a fresh lab cluster, then the lab is ended
	@$(LAB) build # here, where its progress is seen
	@$(BIN)/python tests/support/run_scenarios.py $(SCENARIOS)

test-long: setup ## what is too slow for CI: killed runs, other shapes of the lab
	$(BIN)/pytest --quiet -m 'long' tests/integration

bench: setup ## times and sizes of the lab, of the node snapshot, and of network policies
	@$(BIN)/python tests/bench/run.py

bench-migrations: setup ## every way from flannel to Calico measured on fresh labs, half an hour; what was measured is kept in build/bench
	@$(BIN)/python tests/bench/migrations.py

bench-switches: setup ## switches of flannel's backend against the usual way, on a fresh lab
	@$(BIN)/python tests/bench/switches.py

bench-images: setup ## image_mirror against Debian's skopeo, ten minutes
	@$(BIN)/python tests/support/skopeo.py
	@$(BIN)/python tests/bench/mirror.py

lint: setup ## every static gate
	ruff check
	ruff format --check
	mypy
	yamllint --strict .
	ansible-lint --offline
	tests/sanity/validate_modules.sh $(BIN)/python
	reuse lint --quiet || { reuse lint --lines; exit 1; }
	antsibull-changelog lint

reference: setup ## docs/reference from the modules' and roles' own documentation
	@$(BIN)/python docs/generate_reference.py

artifact: setup ## the collection's tarball in build/artifact, installed and tried in an empty directory
	tests/sanity/artifact.sh kubelet main

# --- Tidying up -------------------------------------------------------------------------------------------------------

clean: setup ## end the lab, remove what this checkout made; what was built for the lab is kept
	@$(LAB) down
	@rm -rf build .mypy_cache .pytest_cache .ruff_cache .hypothesis $(NEWEST_VENV)

distclean: setup ## clean, and delete what was built for the lab too (Go's own caches stay)
	@$(LAB) purge
	@rm -rf build .mypy_cache .pytest_cache .ruff_cache .hypothesis $(NEWEST_VENV) $(VENV)
