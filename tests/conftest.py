"""Fixtures for every test."""

import gc
import logging
import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import structlog
import trustme
from hypothesis import HealthCheck, settings
from trio.testing import MockClock

from mailroom import redaction
from tests import warm
from tests.collecting import import_tests_beginning_elsewhere, is_about_to_start_processes, leave_out_properties
from tests.guard import IDLE_SECONDS

PROJECT = Path(__file__).parents[1]

# An example may take its time on a busy machine: hypothesis would fail it after 200 ms. And mutation testing runs tests
# again and again in one process: each time on another instance of their class, none of which holds anything.
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors])
# A run of one file takes a few examples, other ones each time; `just exhaustive` takes many.
settings.register_profile("few", UNTIMED, max_examples=8)
settings.register_profile("many", UNTIMED, max_examples=64)
settings.load_profile("few")


def pytest_configure(config: pytest.Config) -> None:
    if is_about_to_start_processes(config):
        warm.start_for_all_processes()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """The collector of garbage need not look at thousands of collected tests again and again."""
    gc.disable()
    import_tests_beginning_elsewhere(session.config)
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    leave_out_properties(config, items)


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """Logging is one for the whole process: give it back as it was."""
    root = logging.getLogger()
    handlers, level, config = list(root.handlers), root.level, structlog.get_config()
    yield
    structlog.configure(**config)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def autojump_clock() -> MockClock:
    """Instead of pytest-trio's, which jumps at once: past deadlines, while an answer is on its way over loopback."""
    return MockClock(autojump_threshold=IDLE_SECONDS)


@pytest.fixture(scope="session")
def one_authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of an authority that nobody uses. To read those of the world takes each HTTP client 20 ms."""
    file = tmp_path_factory.mktemp("authorities") / "authority.pem"
    trustme.CA().cert_pem.write_to_path(file)
    return file


@pytest.fixture(scope="session")
def empty_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cwd")


@pytest.fixture(autouse=True)
def as_in_a_new_process(empty_folder: Path, one_authority: Path) -> Iterator[None]:
    """No setting of whoever runs the tests reaches them, and nothing that the test before left in this process.

    No `MAILROOM_` variable is set, and the folder has no `.env`. Subprocesses find the package from there, whether or
    not it is installed. One folder serves all tests, emptied after those that write into it: to make one for each takes
    as long as many of them. So does a fixture: this is one. No test's passwords are masked in what the next one is
    told, and no test's log level hides lines that the next one captures.
    """
    with pytest.MonkeyPatch.context() as process:
        for name in list(os.environ):
            if name.upper().startswith("MAILROOM_"):
                process.delenv(name)
        process.setenv("PYTHONPATH", str(PROJECT))
        process.setenv("SSL_CERT_FILE", str(one_authority))
        process.chdir(empty_folder)
        # A daemon of many accounts has the collector of garbage look at all that there is: at thousands of tests.
        process.setattr(gc, "unfreeze", lambda: None)
        process.setattr(redaction, "_spellings", {each: set(known) for each, known in redaction._spellings.items()})
        yield
    structlog.reset_defaults()
    if os.listdir(empty_folder):
        shutil.rmtree(empty_folder)
        empty_folder.mkdir()
