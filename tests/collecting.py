"""How the processes of `pytest -n` share the work of collecting the tests."""

import os
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


def import_tests_beginning_elsewhere(config: pytest.Config) -> None:
    """Import all test modules, in each process in the order of their names, but beginning at another one.

    When pytest imports one for the first time, it rewrites its asserts: two thirds of what collecting takes in a new
    clone. Every process imports all of them, and would come to each at the same time as the others; so it finds what
    they have written. Thereafter tests are collected in one order, as they must be.
    """
    worker, workers = os.environ.get("PYTEST_XDIST_WORKER"), os.environ.get("PYTEST_XDIST_WORKER_COUNT")
    runs_all = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if worker is None or workers is None or not runs_all or sys.dont_write_bytecode:
        return
    paths = sorted((PROJECT / "tests").rglob("test_*.py"))
    begin = len(paths) * int(worker.removeprefix("gw")) // int(workers)
    for path in paths[begin:] + paths[:begin]:
        # Whatever is wrong with it: collecting imports it again, and tells.
        with suppress(Exception):
            import_module(".".join(path.relative_to(PROJECT).with_suffix("").parts))
