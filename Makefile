# Two commands, each alone on a fresh machine with Python 3.11 or newer and make:
#   make demo               audit a real network on 20 photographs; the report is runs/demo/report.html
#   make test               lint, types, layers and all tests
# And for daily work:
#   make check              lint, types and layers only
#   make show NAME=audit    measure the promises in bench/audit/ and write bench/results/audit.json
#   make bench              run other libraries beside ours: bench/results/peers.md, about an hour
#   make bench-data         bring MNIST, Fashion-MNIST, faces, speech, WordNet into bench/data/
#   make clean              remove environments, caches and built files; runs/ stays

PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13 python3.14; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq install

.PHONY: demo test check show bench bench-data clean installed chromium lint

# $(call timed,GOALS,COMMAND): make GOALS, run COMMAND, say how long each took, fail as COMMAND failed.
timed = @start=$$(date +%s); $(MAKE) --no-print-directory $(1) || exit 1; ready=$$(date +%s); \
	$(2); status=$$?; \
	echo "installation: $$((ready - start)) s; run: $$(($$(date +%s) - ready)) s"; exit $$status

demo:
	$(call timed,$(VENV)/.run,$(BIN)/unfooled demo --out runs/demo)

test:
	$(call timed,installed,$(MAKE) --no-print-directory lint && OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS))

check:
	$(call timed,$(VENV)/.test,$(MAKE) --no-print-directory lint)

show:
	@test -n "$(NAME)" || { echo "Which promises? Say: make show NAME=audit" >&2; exit 1; }
	$(call timed,installed,$(BIN)/python bench/show.py $(NAME))

bench: bench-data
	$(call timed,$(VENV)/.run,$(BIN)/python bench/compare.py)

bench-data: $(VENV)/.made
	@$(BIN)/python bench/fetch.py

clean:
	rm -rf $(VENV) bench/.venv bench/.venv-* dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

installed: $(VENV)/.test chromium

$(VENV)/.made:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "unfooled needs Python 3.11 or newer; found: $(or $(PYTHON),$$(python3 --version 2>&1))." \
			"Install it, or name one: make demo PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Installing into $(VENV): some minutes the first time"
	@"$(PYTHON)" -m venv --clear $(VENV)
	@touch $@

$(VENV)/.run: requirements/base.txt requirements/build.txt requirements/zoo.txt pyproject.toml | $(VENV)/.made
	@$(PIP) -r requirements/base.txt -r requirements/build.txt
	@$(PIP) --no-deps --require-hashes -r requirements/zoo.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.run
	@$(PIP) --no-deps -r requirements/test.txt
	@touch $@

# The browser tests open the report in Chromium; without one they are skipped.
chromium:
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Chromium for the browser tests"; \
		apt-get update -qq >/dev/null && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null && exit 0; \
	fi; \
	echo "No Chromium found: the browser tests will be skipped. Install one to run them."
