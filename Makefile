# Everything needs Python 3.11 or newer and nothing else; the first target that wants it builds .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: run test soak mutate check fix bench examples clean lock help

$(READY): requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	# --no-deps: the lock is complete, and pip 23's resolver would look past a pin for an extra such as coverage[toml]
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(READY)

run: $(READY)  ## start the demonstration launch against the bundled sandbox
	$(BIN)/python -m orchestrator run configs/launch.yaml

test: $(READY)  ## run all tests, with branch coverage
	rm -f .coverage .coverage.*
	$(BIN)/python -m pytest -q -m "not soak" --cov --cov-report=term

soak: $(READY)  ## the same tests at larger sizes, and SEEDS=20000 more simulated days; takes about half an hour
	SEEDS=$(or $(SEEDS),20000) $(BIN)/python -m pytest -q -m soak

mutate: $(READY)  ## break core/ in 4,600 ways: do the tests notice? takes about a quarter of an hour
	rm -rf mutants
	$(BIN)/mutmut run --max-children $(or $(JOBS),2)
	$(BIN)/python bench/mutants.py

check: $(READY)  ## lint, formatting and types; changes nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: $(READY)  ## mend what the tools can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)  ## measure pacing, alone and at full size, the manifest loader and workers side by side; about seven minutes
	$(BIN)/python bench/pacing.py
	$(BIN)/python bench/loading.py
	$(BIN)/python -m bench.pacing_law
	$(BIN)/python bench/fleet.py

EXAMPLES := docs/examples
BAD_DAY := rehearse docs/examples/bad-day.yaml --at 2026-03-02T15:00:00Z

examples: $(READY)  ## rebuild docs/examples: every report of a rehearsed bad day, the same bytes each time
	echo '$$ python -m orchestrator $(BAD_DAY)' >$(EXAMPLES)/terminal.txt
	env -u FORCE_COLOR NO_COLOR=1 PYTHONUTF8=1 $(BIN)/python -m orchestrator $(BAD_DAY) --dir $(EXAMPLES) >>$(EXAMPLES)/terminal.txt

clean:  ## remove what the tools made; the ledger and the reports stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis htmlcov mutants .coverage .coverage.*
	find . -name __pycache__ -prune -exec rm -rf {} +

lock: $(READY)  ## pin the dependencies again (needs uv)
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header pyproject.toml -o requirements.lock
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header --extra dev --extra fleet --extra otel -c requirements.lock pyproject.toml -o requirements-dev.lock

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
