"""What the image holds, and what it doesn't."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.container.conftest import BASE, PLANTED
from tests.container.podman import Podman

pytestmark = [pytest.mark.container, pytest.mark.timeout(1200)]

COMPILER = re.compile(r"(.*-)?(gcc|g\+\+|cc|c\+\+|cpp|clang|ld|as|make|rustc|cargo|go)(-[\d.]+)?")
MEGABYTE = 1_000_000


def inspect(podman: Podman, image: str) -> dict[str, Any]:
    (found,) = json.loads(podman.run("image", "inspect", image))
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def root(podman: Podman, image: str) -> Path:
    """The folder where the image's files can be read."""
    return Path(podman.run("image", "mount", image))


def files(root: Path) -> Iterator[Path]:
    """Every regular file; links aren't followed."""
    for folder, _, names in os.walk(root):
        yield from (path for name in names if (path := Path(folder, name)).is_file() and not path.is_symlink())


def test_its_configuration_is_what_people_and_platforms_rely_on(podman: Podman, image: str) -> None:
    found = inspect(podman, image)
    configuration = found["Config"]
    assert configuration["User"] == "10001:10001"
    assert configuration["Entrypoint"] == ["mailroom"]
    assert configuration["StopSignal"] in ("SIGTERM", "15")
    assert {"MAILROOM_HEALTH_HOST=0.0.0.0", "MAILROOM_LOG_FORMAT=json"} <= set(configuration["Env"])
    assert found["Healthcheck"]["Test"] == ["CMD", "mailroom", "healthcheck"]
    labels = configuration["Labels"]
    assert labels["org.opencontainers.image.title"] == "Mailroom"
    assert labels["org.opencontainers.image.licenses"] == "MIT"
    assert labels["org.opencontainers.image.description"]


def test_it_holds_no_secret_of_the_folder_it_was_built_in(podman: Podman, image: str, root: Path) -> None:
    holders = [path for path in files(root) if PLANTED.encode() in path.read_bytes()]
    assert holders == []
    assert PLANTED not in podman.run("image", "history", "--no-trunc", "--format=json", image)
    assert not re.search(r"(TOKEN|PASSWORD)", " ".join(inspect(podman, image)["Config"]["Env"]))
    assert not (root / "etc/pip.conf").exists()


def test_it_holds_nothing_that_only_the_build_needs(root: Path) -> None:
    assert [path for path in files(root) if COMPILER.fullmatch(path.name) and os.access(path, os.X_OK)] == []
    assert [path for path in root.rglob("pip") if path.parent.name == ".cache"] == []
    assert [name for name in ("src", "build", "wheels", "root/.cache") if (root / name).exists()] == []
    assert sorted(path.name for path in (root / "opt/mailroom/bin").glob("pip*")) == []
    assert list((root / "opt/mailroom").glob("lib/python3*/site-packages/hatchling")) == []


def test_its_size_is_told(podman: Podman, image: str, capsys: pytest.CaptureFixture[str]) -> None:
    whole, base = (inspect(podman, name)["Size"] for name in (image, BASE))
    assert whole > base
    with capsys.disabled():
        print(f"\nimage: {whole / MEGABYTE:.0f} MB, of which Mailroom adds {(whole - base) / MEGABYTE:.0f} MB")
