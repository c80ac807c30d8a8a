# Every target is a line or two over a command that has --help; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
ENV ?= dev
ROLE ?= platform-admin
# STATE is the folder of what stands here; by default the clone's own.
LOCAL := python -m local $(if $(STATE),--state $(STATE))

export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(PATH)
# Compiled modules make synthesis 2.6 times as fast.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

# --- On this machine -------------------------------------------------------------------------

.PHONY: tools up down status env kubeconfig rehearse
tools: setup ## Make what `make up` starts, once a machine
	@$(LOCAL) tools

up: setup ## Stand up ENV (dev, stage, prod or all) on this machine
	@$(LOCAL) up --env $(ENV)

down: setup ## Remove everything that `make up` started and wrote
	@$(LOCAL) down

status: setup ## Say what stands, where, and how much memory it takes
	@$(LOCAL) status

env: setup ## Print export lines for any AWS client: eval "$(make env)"
	@$(LOCAL) env --env $(ENV)

kubeconfig: setup ## Print the path of a kubeconfig that logs in as ROLE by an IAM token
	@$(LOCAL) kubeconfig --env $(ENV) --role $(ROLE)

rehearse: setup ## Run this commit through the pipeline on this machine; APPROVE=1 says yes to production
	@python -m local.rehearsal $(if $(STATE),--state $(STATE)) $(if $(filter 1,$(APPROVE)),--approve)

# --- Backups, of what stands here or, with KUBECONFIG and AWS credentials set, of what they reach --

THERE := $(if $(KUBECONFIG),,$(LOCAL) run --env $(ENV))
FROM ?= newest
NAMESPACE ?= web
# What stands here has no rows: its database's pods are simulated. The drill says so.
DATA ?= $(if $(KUBECONFIG),1,0)
# Nor does anything here make snapshots of volumes: a backup of some would never be whole.
VOLUMES ?= $(if $(KUBECONFIG),1,0)

.PHONY: backup restore drill
backup: setup ## Back up all of ENV now, and its volumes but on this machine (VOLUMES=0 or 1)
	@$(THERE) python -m delivery.backup $(if $(filter 0,$(VOLUMES)),--no-volumes)

restore: setup ## Bring NAMESPACE (web) back from the backup FROM (newest), or INTO another name; PARTIAL=1 takes one that isn't whole
	@$(THERE) python -m delivery.restore --from $(FROM) --namespace $(NAMESPACE) \
		$(if $(INTO),--into $(INTO)) $(if $(filter 1,$(PARTIAL)),--partial)

drill: setup ## Prove ENV's newest backup as the scheduled drill does: restore it beside what runs, and compare
	@$(THERE) python -m delivery.drill --environment $(ENV) $(if $(filter 0,$(DATA)),--no-data)

# --- The app -----------------------------------------------------------------------------------

.PHONY: synth pipeline diff
synth: setup ## Synthesize all environments into cdk.out
	@cdk synth --quiet

pipeline: setup ## Synthesize all environments and the pipeline, with the images of IMAGES if given
	@cdk synth --quiet --app "python -O app.py --pipeline $(if $(IMAGES),--images $(IMAGES))"
	@python -m delivery.asset_manifests cdk.out
	@python -m guards.reviewed cdk.out

diff: setup ## Show what deploying ENV to this machine would change
	@$(LOCAL) diff --env $(ENV)

# --- The accounts under it ---------------------------------------------------------------------

.PHONY: accounts bootstrap
accounts: setup ## Plan the accounts under the platform; APPLY=1 makes them
	@python -m terraform $(if $(filter 1,$(APPLY)),--apply)

bootstrap: setup ## Print how each account is prepared for the pipeline; APPLY=1 does it
	@python -m delivery.bootstrap $(if $(filter 1,$(APPLY)),--apply)

# --- Quality -----------------------------------------------------------------------------------

.PHONY: lint format check test migration-lint migration-test image-test node-test snapshots bench lock
lint: setup ## Check style and types
	@ruff check .
	@ruff format --check .
	@mypy .
	@hadolint Dockerfile images/*/Dockerfile

format: setup ## Format the code
	@ruff check --fix .
	@ruff format .

check: lint ## Lint, unit tests, snapshots and the service with its coverage: all that needs no stand-in
	@pytest --numprocesses 2 --no-loadscope-reorder tests/unit tests/snapshot tests/service --cov

test: check tools ## Then end to end on this machine (the slow part, last)
	@# These wait more than they work: three folders at a time, the longest first.
	@pytest --numprocesses 3 --no-loadscope-reorder \
		tests/local tests/local_backup tests/local_prod tests/image tests/terraform tests/rehearsal \
		tests/node tests/delivery tests/local_kubernetes tests/local_aws

migration-lint: setup ## Refuse migrations that lock a big table or break the last release
	@python -m delivery.migration_lint

migration-test: setup ## Prove that migrations since the last release (tag v*, or commit) roll out and back
	@python -m delivery.migration_test

image-test: setup ## Build the images on stand-ins of their bases, run and probe them (Linux, root)
	@REQUIRE_IMAGES=1 pytest tests/image

node-test: setup ## Run production's charts on real nodes, with those images (Linux, root)
	@REQUIRE_NODES=1 pytest tests/node

snapshots: setup ## Renew the snapshots of templates and charts, and what docs/cost.md counts, for review with git diff
	@python -m tests.snapshot.renew

bench: setup ## Measure synthesis, charts, deploy, memory, a rehearsal, the service, fail-over and backups
	@python -m benchmarks

lock: setup ## Compile the requirement lists to their locks
	@uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header \
		--no-emit-index-url service/requirements.in --output-file service/requirements.txt
	@uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header \
		--no-emit-index-url delivery/requirements.in --output-file delivery/requirements.txt
	@uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header \
		--no-emit-index-url requirements.in --output-file requirements.txt
	@uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header \
		--no-emit-index-url local/requirements.in --output-file local/requirements.txt

# --- Set-up, done once and again when a lock changes ------------------------------------------------

.PHONY: setup
setup: .venv/installed

.venv/installed: requirements.txt pyproject.toml package-lock.json
	@command -v $(PYTHON) > /dev/null || { echo "Python 3.11 or newer is needed, as '$(PYTHON)' on PATH." >&2; exit 1; }
	@$(PYTHON) local/install.py
