"""`trio-run MODULE[:FUNCTION] [ARGS…]`: like `python -m MODULE`, for modules whose `main` is a trio program.

The module is imported (of a package, its `__main__`), and its async function `main`, or FUNCTION, runs under
`trio.run` without arguments. What it returns is the exit status; None means 0. `sys.argv` and `sys.path` are what
`python -m` makes of them. Until the function handles SIGTERM itself, that signal ends the program with status 0.
"""

import importlib
import importlib.util
import inspect
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from importlib.machinery import ModuleSpec

from mailroom.early_signals import exit_at_once_on_signals, handle_as_usual

USAGE = """\
Usage: trio-run MODULE[:FUNCTION] [ARGS…]

Import MODULE (for a package, its __main__) and run its async function main, or
FUNCTION, under trio. Like `python -m`, it looks for modules in the current
folder first and leaves ARGS in sys.argv. What the function returns is the exit
status; None means 0.

  trio-run mailroom            run the Mailroom daemon
  trio-run package.module:go   run the function go of a module
"""

WRONG_USE = 2
INTERRUPTED = 130
"""The status of a program that Ctrl-C ended (128 + SIGINT)."""


class _NotRunnable(Exception):
    """What the user asked for can't be run; the message says why, in one line."""


def entry() -> int:
    """The command `trio-run`; returns its exit status."""
    exit_at_once_on_signals()
    arguments = sys.argv[1:]
    if arguments[:1] in (["-h"], ["--help"]):
        print(USAGE, end="")
        return 0
    if not arguments:
        print(USAGE, end="", file=sys.stderr)
        return WRONG_USE
    try:
        return _run(arguments[0], arguments[1:])
    except _NotRunnable as reason:
        print(f"trio-run: {reason}", file=sys.stderr)
        return WRONG_USE


def _run(target: str, arguments: list[str]) -> int:
    module_name, _, function_name = target.partition(":")
    if not sys.flags.safe_path:
        sys.path.insert(0, os.getcwd())
    spec = _find(module_name)
    sys.argv = [spec.origin or spec.name, *arguments]
    function = _function(spec, function_name or "main")
    import trio

    # From here on Ctrl-C is trio's: it cancels what runs, so that it can clean up.
    handle_as_usual(signal.SIGINT)
    try:
        status = trio.run(function)
    except KeyboardInterrupt:
        return INTERRUPTED
    if status is None:
        return 0
    if not isinstance(status, int):
        raise _NotRunnable(f"{target} returned a {type(status).__name__}; expected an exit status (int) or None")
    return status


def _find(name: str) -> ModuleSpec:
    """The module to import. An error that code of a parent package raises comes out as it is."""
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        raise _NotRunnable(f"{name!r} is not the name of a module; usage: trio-run MODULE[:FUNCTION] [ARGS…]")
    found = _spec(parts[0])
    for part in parts[1:]:
        found = _child(found, part)
    if found.submodule_search_locations is None:
        return found
    try:
        return _child(found, "__main__")
    except _NotRunnable:
        raise _NotRunnable(f"{name} is a package without a __main__ module; name one of its modules") from None


def _child(parent: ModuleSpec, part: str) -> ModuleSpec:
    if parent.submodule_search_locations is None:
        raise _NotRunnable(f"no module named {parent.name}.{part} ({parent.name} is not a package)")
    importlib.import_module(parent.name)
    return _spec(f"{parent.name}.{part}")


def _spec(name: str) -> ModuleSpec:
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:  # what is loaded already without having been imported, such as `__main__`
        spec = None
    if spec is None:
        raise _NotRunnable(f"no module named {name} (looked in {os.getcwd()} and where Python keeps its modules)")
    return spec


def _function(spec: ModuleSpec, name: str) -> Callable[[], Awaitable[object]]:
    module = importlib.import_module(spec.name)
    function: object = getattr(module, name, None)
    if function is None:
        raise _NotRunnable(f"{spec.name} has no function {name}; name another one with trio-run {spec.name}:FUNCTION")
    if not inspect.iscoroutinefunction(function):
        raise _NotRunnable(f"{name} in {spec.name} is not an async function")
    try:
        inspect.signature(function).bind()
    except TypeError as missing:
        raise _NotRunnable(f"{name} in {spec.name} must take no arguments: {missing}") from None
    return function


if __name__ == "__main__":
    sys.exit(entry())
