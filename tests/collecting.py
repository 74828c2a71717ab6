"""What a run of all tests collects, and how the processes of `pytest -n` share the work."""

import os
import sys
from collections.abc import Iterator
from compileall import compile_file
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import is_hypothesis_test

PROJECT = Path(__file__).parents[1]


def is_about_to_start_processes(config: pytest.Config) -> bool:
    """Whether this process has others run all tests, by `pytest -n`."""
    return _runs_all(config) and bool(config.getoption("numprocesses", None))


def leave_out_properties(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A run of all tests leaves them to `just exhaustive`, which tries many examples; a run of some files does not.

    Before hypothesis sees them: for a single one it reads the constants of all modules, in each process of `pytest -n`.
    """
    if not _runs_all(config) or "hypothesis" in config.getoption("markexpr"):
        return
    properties = [item for item in items if _is_property(item)]
    config.hook.pytest_deselected(items=properties)
    left_out = set(properties)
    items[:] = [item for item in items if item not in left_out]


def import_tests_beginning_elsewhere(config: pytest.Config) -> None:
    """Import all test modules, in each process in the order of their names, but beginning at another one.

    When pytest imports one for the first time, it rewrites its asserts: two thirds of what collecting takes in a new
    clone. Every process imports all of them, and would come to each at the same time as the others; so it finds what
    they have written. Before that each compiles its part of the package. Thereafter tests are collected in one order,
    as they must be.
    """
    worker, workers = os.environ.get("PYTEST_XDIST_WORKER"), os.environ.get("PYTEST_XDIST_WORKER_COUNT")
    if worker is None or workers is None or not _runs_all(config) or sys.dont_write_bytecode:
        return
    number, of = int(worker.removeprefix("gw")), int(workers)
    for path in sorted((PROJECT / "mailroom").rglob("*.py"))[number::of]:
        compile_file(path, quiet=2)
    paths = sorted(_test_modules(config))
    begin = len(paths) * number // of
    for path in paths[begin:] + paths[:begin]:
        # Whatever is wrong with it: collecting imports it again, and tells.
        with suppress(Exception):
            import_module(".".join(path.relative_to(PROJECT).with_suffix("").parts))


def _is_property(item: pytest.Item) -> bool:
    return item.get_closest_marker("hypothesis") is not None or (
        isinstance(item, pytest.Function) and is_hypothesis_test(item.obj)
    )


def _runs_all(config: pytest.Config) -> bool:
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS


def _test_modules(config: pytest.Config) -> Iterator[Path]:
    left_out = config.getini("norecursedirs")
    for path in (PROJECT / "tests").rglob("test_*.py"):
        if path.parent.name not in left_out:
            yield path
