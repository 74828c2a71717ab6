venv := ".venv/bin"

# List the recipes
default:
    @just --list

# Play 20 seconds of mail against the embedded JMAP server
demo: _venv
    {{ venv }}/mailroom demo

# Run the tests; what the machine lacks (Cyrus) is skipped with a reason
test *arguments: _venv
    {{ venv }}/pytest -q -n 4 {{ arguments }}

# Everything that CI demands: lint, format, types, tests
check: _venv
    {{ venv }}/ruff check
    {{ venv }}/ruff format --check
    {{ venv }}/mypy
    {{ venv }}/pytest -q -n 4

# Measure requests, seconds and memory
bench *arguments: _venv
    {{ venv }}/python -m bench {{ arguments }}

# Change the decisions in every way and list the changes that no test notices; minutes
mutate: _venv
    {{ venv }}/pip install -q 'mutmut>=3.8,<4'
    {{ venv }}/mutmut run
    {{ venv }}/mutmut results

# Build the container image (podman build image; the OCI format would drop HEALTHCHECK)
image tag="mailroom":
    podman build --format docker -t {{ tag }} .

# Build wheel and sdist into dist/, and check what a package index would say of them
dist: _venv
    {{ venv }}/pip install -q 'build>=1.2,<2' 'twine>=7,<8'
    rm -rf dist
    {{ venv }}/python -m build --outdir dist .
    {{ venv }}/twine check --strict dist/*

# Play the demo and draw it as docs/demo.svg
record: _venv
    {{ venv }}/python docs/record.py

_venv:
    @test -x {{ venv }}/pytest || (python3 -m venv .venv && {{ venv }}/pip install -q -e '.[test]')
