"""The servers that the faults need."""

from tests.real.conftest import radicale

__all__ = ["radicale"]
