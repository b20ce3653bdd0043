# Everything needs Python 3.11 or newer and nothing else; the first target that wants it builds .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
READY := $(VENV)/.ready
# --no-deps: the locks are complete, and pip 23's resolver would look past a pin for an extra such as coverage[toml].
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps

# Compiled modules are kept even where the environment says otherwise, as container images do: the tests start hundreds of
# Pythons, and each would compile the same 600 modules again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: run test test-fast cover soak mutate fuzz check fix bench docs site recording examples dist sbom release clean lock help

# What the program needs. The .pth file makes `python -m orchestrator` run this checkout, whatever the working folder.
$(RUNTIME): requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --no-compile --require-hashes -r requirements.lock
	echo "$(CURDIR)" >"$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/checkout.pth"
	touch $(RUNTIME)

# What its developers need besides.
$(READY): $(RUNTIME) requirements-dev.lock pyproject.toml
	$(INSTALL) --require-hashes -r requirements-dev.lock
	$(INSTALL) --no-build-isolation --editable .
	touch $(READY)

run: $(RUNTIME)  ## start the demonstration launch against the bundled sandbox
	$(BIN)/python -m orchestrator run configs/launch.yaml

JOBS ?= 2

test: $(READY)  ## run all tests but the soak; about 15 minutes on two quiet cores
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadgroup -m "not soak"

FAST := core property engine loading report console sandbox

test-fast: $(READY)  ## the tests without real processes, for the inner loop; under 90 seconds
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadgroup -m "not soak" $(addprefix tests/,$(FAST))

cover: $(READY)  ## the same as test, with branch coverage
	rm -f .coverage .coverage.*
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadgroup -m "not soak" --cov --cov-report=term

soak: $(READY)  ## the same tests at larger sizes, and SEEDS=20000 more simulated days; takes about half an hour
	SEEDS=$(or $(SEEDS),20000) $(BIN)/python -m pytest -q -m soak

mutate: $(READY)  ## break core/ in 12,000 ways: do the tests notice? takes more than an hour
	rm -rf mutants
	$(BIN)/mutmut run --max-children $(JOBS)
	$(BIN)/python bench/mutants.py

FUZZ_SECONDS ?= 240
FUZZ_TARGETS := manifest csv jsonl reply
FUZZ_FOUND := .fuzz

fuzz: $(READY)  ## look for inputs that break the parsers, FUZZ_SECONDS=240 in all; what is found lies in .fuzz
	for target in $(FUZZ_TARGETS); do \
		mkdir -p $(FUZZ_FOUND)/$$target && $(BIN)/python -m tests.system.fuzz $$target -artifact_prefix=$(FUZZ_FOUND)/$$target- \
			-max_total_time=$$(($(FUZZ_SECONDS) / 4)) $(FUZZ_FOUND)/$$target tests/system/fuzz/corpus/$$target || exit 1; \
	done

check: $(READY)  ## lint, formatting, types, and the words of docs/english/rules.toml; changes nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m docs.english

fix: $(READY)  ## fix what the tools can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)  ## measure it side by side with others, into bench/RESULTS.md (needs nginx and curl; more peers with go, parallel and hey); about two hours
	$(BIN)/python -m bench.results $(NAMES)

docs: $(READY)  ## write docs/reference again, from the code
	$(BIN)/python -m docs.generator

site: $(READY)  ## build the documentation as a site in site/, searchable, with every link checked
	$(BIN)/python -m docs.site site

EXAMPLES := docs/examples
BAD_DAY := rehearse docs/examples/bad-day.yaml --at 2026-03-02T15:00:00Z

recording: $(READY)
	$(BIN)/python -m docs.recording docs/images/good-run.svg

examples: $(READY) recording  ## rebuild docs/examples (every report of a rehearsed bad day, the same bytes each time), and record a good run
	echo '$$ python -m orchestrator $(BAD_DAY)' >$(EXAMPLES)/terminal.txt
	env -u FORCE_COLOR NO_COLOR=1 PYTHONUTF8=1 PATH="$(BIN):$$PATH" python -m orchestrator $(BAD_DAY) --dir $(EXAMPLES) >>$(EXAMPLES)/terminal.txt

DIST := dist
EMPTY := .release
NAME := campaign-orchestrator

dist: $(READY)  ## build the sdist, and the wheel from it
	rm -rf $(DIST)
	$(BIN)/hatchling build --target sdist --directory $(abspath $(DIST))
	# From the sdist, not from here: a file that it lacks is then missed now, not by whoever builds from it.
	mkdir -p $(DIST)/source && tar -xzf $(DIST)/*.tar.gz --strip-components=1 -C $(DIST)/source
	cd $(DIST)/source && $(abspath $(BIN))/hatchling build --target wheel --directory $(abspath $(DIST))
	rm -rf $(DIST)/source

sbom: $(READY)
	$(BIN)/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml --mc-type application \
	  --output-file $(DIST)/$(NAME).cdx.json $(EMPTY)/bin/python

release: dist  ## dist/ with its bill of materials, installed into an empty environment, from which the demonstration runs
	rm -rf $(EMPTY)
	$(PYTHON) -m venv --without-pip $(EMPTY)
	$(BIN)/python -m pip --python $(EMPTY)/bin/python install --quiet --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip --python $(EMPTY)/bin/python install --quiet --no-deps $(DIST)/*.whl
	$(MAKE) sbom
	cd $(EMPTY) && env -u PYTHONPATH bin/orchestrator run $(CURDIR)/configs/launch.yaml
	cd $(DIST) && sha256sum *.whl *.tar.gz *.json >SHA256SUMS

clean:  ## remove what the tools made; the ledger and the reports stay
	rm -rf $(VENV) $(DIST) $(EMPTY) site .ci/cache .mypy_cache .ruff_cache .pytest_cache .hypothesis htmlcov mutants .coverage .coverage.*
	find . -name __pycache__ -prune -exec rm -rf {} +

lock: $(READY)  ## pin the dependencies again (needs uv)
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header pyproject.toml -o requirements.lock
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header --extra fleet --extra notify --extra xlsx -c requirements.lock pyproject.toml -o deploy/requirements.lock
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header --extra dev --extra edit --extra fleet --extra notify --extra otel --extra speed --extra xlsx --extra bench -c requirements.lock pyproject.toml -o requirements-dev.lock

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
