# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
#
# make demo                 the example on the embedded fake kernel
# make demo KERNEL=6.1      the same on a real kernel in QEMU (6.1, 6.12), or on this machine (host)
# make test                 all tests that need no root, no network and no LIO
# make test-all             the same under every Python from 3.9 to 3.13 that is here
# make test-kernel          the tests on real kernels in QEMU (KERNELS="6.1 6.12")
# make deb, make rpm        packages, judged by lintian and rpmlint, in build/
# make test-packages        those packages installed, upgraded, removed and booted; as root
# make lint                 ruff and mypy
# make doc                  the documentation: build/doc/html and, for man, build/doc/man
# make bench                what all costs on a real kernel, beside rtslib-fb (ARGS=--quick; see doc/performance.md)
# make performance          doc/performance.md of what make bench has found
# make test-targets         the initiator with other people's targets, on this machine (root)
# make bench-iscsi          the initiator beside libiscsi's, on tgtd (root)
# make clean                removes what these made, but for the kernels in ~/.cache

PYTHON ?= python3
VENV   ?= .venv
KERNEL ?= fake
KERNELS ?= 6.1 6.12
VERSIONS = 3.9 3.10 3.11 3.12 3.13
BIN     = $(VENV)/bin
DRAWS   = .venv-bench

.PHONY: demo test test-all test-kernel test-targets deb rpm test-packages lint format doc
.PHONY: bench bench-iscsi performance clean

$(BIN)/.ready: setup.py pyproject.toml tests/consumers/requirements.txt
	@sh .ci/venv "$(PYTHON)" "$(VENV)" test
	@touch $@

$(BIN)/.lint: $(BIN)/.ready
	@sh .ci/venv "$(PYTHON)" "$(VENV)" test,lint
	@touch $@

$(BIN)/.doc: $(BIN)/.ready
	@sh .ci/venv "$(PYTHON)" "$(VENV)" test,doc
	@touch $@

demo: $(BIN)/.ready
	@sh .ci/demo "$(BIN)/python" "$(KERNEL)"

test: $(BIN)/.ready
	$(BIN)/python -m pytest --numprocesses=auto --cov --cov-report=term --cov-fail-under=99

test-all:
	@for version in $(VERSIONS); do sh .ci/test-python $$version || exit 1; done

test-kernel: $(BIN)/.ready
	$(BIN)/python tests/kernel/run.py $(KERNELS)

deb:
	@bash .ci/deb

rpm:
	@bash .ci/rpm

test-packages: deb rpm $(BIN)/.ready
	@sh .ci/test-packages $(BIN)/python
test-targets: $(BIN)/.ready
	@sh .ci/targets "$(BIN)/python" -m pytest -q tests/targets

bench-iscsi: $(BIN)/.ready
	@sh .ci/targets "$(BIN)/python" bench/initiator.py

lint: $(BIN)/.lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(BIN)/.lint
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# A package is built with the distribution's own Sphinx: make doc SPHINX=sphinx-build
ifeq ($(origin SPHINX), undefined)
SPHINX  = $(BIN)/sphinx-build
doc: $(BIN)/.doc
endif

doc:
	$(SPHINX) -q -W -n --keep-going -E -b html -d build/doc/.doctrees doc build/doc/html
	$(SPHINX) -q -W -n --keep-going -b man -d build/doc/.doctrees doc build/doc/man

bench: $(BIN)/.ready
	$(BIN)/python bench/lio.py $(ARGS)

$(DRAWS)/.ready: bench/requirements.txt $(BIN)/.ready
	@$(BIN)/python -m venv $(DRAWS)
	@$(DRAWS)/bin/pip install --quiet --disable-pip-version-check --only-binary :all: -r bench/requirements.txt
	@touch $@

performance: $(DRAWS)/.ready
	$(BIN)/python bench/report.py build/bench/results.json doc
	$(DRAWS)/bin/python bench/plot.py doc/performance.json doc/performance.png

clean:
	rm -rf .venv .venv-* build dist ./*.egg-info .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis
