"""Everything lives in one temporary folder, and goes with it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.container.debian import bootstrap, pack_python, require, run
from tests.container.podman import Podman, podman_in

BASE = "localhost/python:3-slim"
IMAGE = "localhost/mailroom-test"
PLANTED = "planted-token-that-belongs-into-no-image"
STUB = "#!/bin/sh\n"

# What the base image of Containerfile has, too.
PYTHON = ["ca-certificates", "python3", "python3-venv", "python3-pip"]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".hypothesis", ".*_cache", "__pycache__", "mutants")


@pytest.fixture(scope="session")
def work() -> Iterator[Path]:
    require("debootstrap", "podman", "buildah", "runc", "catatonit", "tar")
    with tempfile.TemporaryDirectory(prefix="mailroom-container-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def podman(work: Path) -> Iterator[Podman]:
    folder = work / "podman"
    folder.mkdir()
    with podman_in(folder) as program:
        yield program


@pytest.fixture(scope="session")
def image(work: Path, podman: Podman) -> str:
    """The image, built from a copy of the project in whose folders a user has kept secrets; returns its tag."""
    bootstrap(work / "python", PYTHON, work / "downloads")
    pack_python(work / "python", work / "python.tar")
    podman.run("import", work / "python.tar", BASE)
    context = work / "context"
    shutil.copytree(PROJECT, context, ignore=LEFT_OUT)
    for secret in (".env", "token.txt", "mailroom/.env", "mailroom/mailroom.toml"):
        (context / secret).write_text(f"MAILROOM_JMAP_TOKEN={PLANTED}\n")
    podman.build(IMAGE, BASE, context)
    return IMAGE


@pytest.fixture(scope="session")
def machine(work: Path) -> Path:
    """The root of a machine with podman and systemd, on which all units are installed."""
    root = work / "machine"
    bootstrap(root, ["podman", "procps", "systemd"], work / "downloads")
    program = root / "opt/mailroom/bin/mailroom"
    program.parent.mkdir(parents=True)
    # systemd checks that the program is there, and doesn't start it.
    program.write_text(STUB)
    program.chmod(0o755)
    (root / "etc/containers/systemd").mkdir(parents=True, exist_ok=True)
    run("cp", *(PROJECT / "deploy").glob("*.container"), root / "etc/containers/systemd")
    run("cp", *(PROJECT / "deploy").glob("*.service"), root / "etc/systemd/system")
    return root
