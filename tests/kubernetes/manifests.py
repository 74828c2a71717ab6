"""Reading the files of `deploy/kubernetes/`."""

import re
from collections.abc import Mapping
from typing import Any

from tests.conftest import PROJECT

FOLDER = PROJECT / "deploy" / "kubernetes"
PAGE = FOLDER / "README.md"
KUSTOMIZATION = "kustomization.yaml"

Document = dict[str, Any]


class Missing(Exception):
    """PyYAML isn't installed, which nothing but the tests of these files needs; the text says how it is."""


def texts() -> Mapping[str, str]:
    """The YAML files by name, as they are shipped."""
    return {path.name: path.read_text() for path in sorted(FOLDER.glob("*.yaml"))}


def documents(text: str) -> list[Any]:
    """What a file holds: `Document`s; an example may hold what stands inside of one. Raises `Missing`."""
    try:
        import yaml
    except ModuleNotFoundError:
        raise Missing("pip install 'mailroom[kubernetes]'") from None
    return [each for each in yaml.safe_load_all(text) if each is not None]


def examples() -> list[str]:
    """The YAML in the page's fenced blocks."""
    return re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
