"""What the image installs is pinned, and fits what pyproject.toml asks for."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import PROJECT

PYPROJECT: dict[str, Any] = tomllib.loads((PROJECT / "pyproject.toml").read_text())
LOCKS = {
    "requirements.lock": PYPROJECT["project"]["dependencies"],
    "build-requirements.lock": PYPROJECT["build-system"]["requires"],
}
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def entries(lock: str) -> list[str]:
    """The requirements of a lock, each with its hashes on one line."""
    text = re.sub(r"^\s*#.*\n", "", Path(PROJECT / lock).read_text(), flags=re.MULTILINE)
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def pins(lock: str) -> dict[str, str]:
    """The version of each package, by canonical name."""
    requirements = [Requirement(entry.partition("--hash")[0]) for entry in entries(lock)]
    versions = {canonicalize_name(it.name): str(it.specifier) for it in requirements}
    assert all(version.startswith("==") for version in versions.values())
    return {name: version.removeprefix("==") for name, version in versions.items()}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_what_pyproject_asks_for(lock: str) -> None:
    pinned = pins(lock)
    for requirement in map(Requirement, LOCKS[lock]):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} isn't in {lock}; run `just lock`"
        assert version in requirement.specifier, f"{lock} has {requirement.name} {version}; run `just lock`"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes_and_none_says_where_to_look(lock: str) -> None:
    assert all(HASH.search(entry) for entry in entries(lock))
    text = (PROJECT / lock).read_text()
    assert "://" not in text
    assert not re.search(r"^\s*-(-(?!hash)|[a-z])", text, re.MULTILINE)
