venv := ".venv/bin"
lock_options := "--quiet --universal --generate-hashes --python-version 3.11 --custom-compile-command 'just lock'"

# List the recipes
default:
    @just --list

# Play 20 seconds of mail against the embedded JMAP server
demo: _venv
    {{ venv }}/mailroom demo

# Run the tests that need no server but those that pip installs
test *arguments: _venv
    {{ venv }}/pytest -q -n 3 {{ arguments }}

# Run the tests against the servers that pip doesn't install: Cyrus, which needs root
real *arguments: _venv
    {{ venv }}/pytest -q -n 4 -m real {{ arguments }}

# Run what another test proves for one server, size or pace with all the others, and properties with many examples
exhaustive *arguments: _venv
    {{ venv }}/pytest -q -n 4 -m "exhaustive or hypothesis" --hypothesis-profile many {{ arguments }}

# Use the page in a real browser; needs Debian's chromium, and its caddy and nginx-light for the tests of proxies
browser *arguments: _venv
    {{ venv }}/pip install -q -e '.[browser]'
    {{ venv }}/pytest -q -n 2 -m browser {{ arguments }} tests/browser

# Judge deploy/kubernetes/ by the schemas of Kubernetes, which are 108 MB, and by what those can't see
kubernetes *arguments: _venv
    {{ venv }}/pip install -q -e '.[kubernetes]'
    {{ venv }}/pytest -q -m kubernetes tests/kubernetes {{ arguments }}

# Everything that CI demands: lint, format, types, tests; then the audit
check: _venv && test exhaustive real human-tests faults browser kubernetes audit
    {{ venv }}/ruff check
    {{ venv }}/ruff format --check
    {{ venv }}/mypy
    {{ venv }}/lint-imports

# Run every script of human-tests/ that can run unattended, against the sandbox
human-tests *arguments: _venv
    {{ venv }}/pytest -q -n 4 -m human {{ arguments }}

# Play every fault, stop a daemon in the middle of each, break one account beside another, and print a table; 4 to 8 minutes
faults *arguments: _venv
    {{ venv }}/pytest -q -n 2 -m faults tests/faults {{ arguments }}

# Measure requests, seconds, latency and memory, half an hour; `just bench --quick`, `just bench --only latency,storm`
bench *arguments: _venv
    {{ venv }}/pip install -q -e '.[bench]'
    {{ venv }}/python -m bench {{ arguments }}

# Measure 1 to 2,000 accounts in one process, three quarters of an hour; `just bench-accounts --quick`, `just bench-accounts --most 100`
bench-accounts *arguments: _venv
    {{ venv }}/python -m bench.accounts {{ arguments }}

# Kill, stop, freeze and cut off the first of two daemons while 50 owners tap, 20 times each, an hour; `just twins --times 2`
twins *arguments: _venv
    {{ venv }}/python -m bench.twins {{ arguments }}

# Measure the page: the list at 20, 200 and 2,000 senders, and from a tap, and from a label, until the mail is filed
bench-page: _venv
    {{ venv }}/python -m bench.page

# Run daemon and sandbox with a scripted user in bad weather, for a simulated week and 15 real minutes
soak *arguments: _venv
    {{ venv }}/python -m bench.soak {{ arguments }}

# Change the decisions in every way and list the changes that no test notices; minutes
mutate: _venv
    {{ venv }}/pip install -q 'mutmut>=3.8,<4'
    {{ venv }}/mutmut run
    {{ venv }}/mutmut results

# Try random inputs on all that reads what comes from outside: `just fuzz`, or `just fuzz 20000` for a minute of it
fuzz inputs="1000000": _venv
    FUZZ_INPUTS={{ inputs }} {{ venv }}/pytest -q -n 2 --timeout 600 tests/fuzz

# Build the container image (podman build image; the OCI format would drop HEALTHCHECK)
image tag="mailroom":
    podman build --format docker -t {{ tag }} \
        --label org.opencontainers.image.version="$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' mailroom/__init__.py)" \
        --label org.opencontainers.image.revision="$(git rev-parse HEAD)" .

# Build and run the image, and check the units in deploy/; needs root, podman, debootstrap, and minutes
container-test *arguments: _venv
    {{ venv }}/pip install -q -e '.[kubernetes]'
    {{ venv }}/pytest -m container tests/container {{ arguments }}

# Pin what the image installs, with hashes; `just lock --upgrade` takes the newest versions
lock *arguments: _venv
    {{ venv }}/pip install -q 'uv>=0.9,<1'
    {{ venv }}/uv pip compile {{ lock_options }} {{ arguments }} pyproject.toml -o requirements.lock
    {{ venv }}/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
        | {{ venv }}/uv pip compile {{ lock_options }} {{ arguments }} - -o build-requirements.lock

# Look up what is pinned among the known vulnerabilities; needs the package index's vulnerability service
audit: _venv
    {{ venv }}/pip install -q 'pip-audit>=2.10,<3'
    {{ venv }}/pip-audit --strict --disable-pip --require-hashes --progress-spinner off \
        -r requirements.lock -r build-requirements.lock \
        || { echo "just audit: FAILED. A table above lists vulnerabilities: run \`just lock --upgrade\`. An error above" \
            "(not found, can't connect) means that the service was not reached and nothing is known: try elsewhere." >&2; exit 1; }

# Build wheel and sdist into dist/, and check what a package index would say of them
dist: _venv
    {{ venv }}/pip install -q 'build>=1.2,<2' 'twine>=7,<8'
    rm -rf dist
    {{ venv }}/python -m build --outdir dist .
    {{ venv }}/twine check --strict dist/*

# Photograph the page over the sample mailbox, for the README; needs Debian's chromium
shots: _venv
    {{ venv }}/pip install -q -e '.[browser]'
    {{ venv }}/python -m docs.shots

# Play the demo and draw it as docs/demo.svg
record: _venv
    {{ venv }}/python docs/record.py

_venv:
    @test -x {{ venv }}/pytest || (python3 -m venv .venv && {{ venv }}/pip install -q -e '.[test]')
