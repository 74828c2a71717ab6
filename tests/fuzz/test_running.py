"""The shares of the properties."""

from importlib import import_module
from pathlib import Path

from tests.fuzz.running import PERCENT


def test_the_shares_of_all_properties_are_the_whole() -> None:
    for path in Path(__file__).parent.glob("test_*.py"):
        import_module(f"tests.fuzz.{path.stem}")
    assert sum(PERCENT.values()) == 100
