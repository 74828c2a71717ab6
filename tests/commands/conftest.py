"""Fixtures for the tests of commands."""

import pytest


@pytest.fixture(autouse=True)
def logging_as_it_was(restored_logging: None) -> None:
    """Commands set up logging."""
