"""What must not be left over or pile up: tasks, file descriptors, objects, warnings."""

import gc
import os
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import trio

OBJECT_FAMILIES = ("mailroom", "httpx", "httpcore", "h11", "hypercorn", "quart", "trio")
"""Packages whose objects are counted; the sandbox isn't, for its mailbox is meant to grow."""

NOT_COUNTED = ("mailroom.sandbox",)


def open_files(pid: int | str = "self") -> Counter[str]:
    """How many open file descriptors of a process lead to what, such as `socket` (proc(5), /proc/pid/fd)."""
    folder = f"/proc/{pid}/fd"
    found: Counter[str] = Counter()
    for number in os.listdir(folder):
        # The one that the folder itself was read through is gone by now; so may be others of another process.
        with suppress(FileNotFoundError):
            found[re.sub(r":\[\d+\]", "", os.readlink(f"{folder}/{number}"))] += 1
    return found


def tasks_below(task: trio.lowlevel.Task) -> Counter[str]:
    """The names of all tasks in a task's nurseries, and in theirs."""
    found: Counter[str] = Counter()
    for nursery in task.child_nurseries:
        for child in nursery.child_tasks:
            found[child.name] += 1
            found += tasks_below(child)
    return found


def all_tasks() -> Counter[str]:
    """The names of all tasks of this run; trio's own are among them."""
    root = trio.lowlevel.current_root_task()
    return Counter() if root is None else tasks_below(root)


def live_objects() -> Counter[str]:
    """How many objects there are of each type of the families, after all garbage is collected."""
    gc.collect()
    types = Counter(type(each) for each in gc.get_objects())
    found: Counter[str] = Counter()
    for kind, number in types.items():
        module = str(kind.__module__)
        if module.startswith(OBJECT_FAMILIES) and not module.startswith(NOT_COUNTED):
            found[f"{module}.{kind.__qualname__}"] += number
    return found


@contextmanager
def warnings_collected() -> Iterator[list[str]]:
    """Make errors of warnings about what was left open or never awaited, and collect what `__del__` and the like raise.

    Such errors can reach nobody: Python only prints them. They are in the list, complete once this is left.
    """
    complaints: list[str] = []

    def collect(unraisable: "sys.UnraisableHookArgs") -> None:
        complaints.append(f"{type(unraisable.exc_value).__name__}: {unraisable.exc_value}")

    before, sys.unraisablehook = sys.unraisablehook, collect
    try:
        with warnings.catch_warnings():
            for category in (ResourceWarning, RuntimeWarning):
                warnings.simplefilter("error", category)
            yield complaints
            gc.collect()
    finally:
        sys.unraisablehook = before
