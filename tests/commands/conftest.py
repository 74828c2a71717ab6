"""Fixtures for the tests of commands."""

import pytest

from mailroom.commands.terminal import log_to_stderr


@pytest.fixture(autouse=True)
def logging_of_a_command(restored_logging: None) -> None:
    """As the command line sets it up before a command runs."""
    log_to_stderr("info", "auto")
