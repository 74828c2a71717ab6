"""`trio-run MODULE[:FUNCTION] [ARGS…]`."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.exhaustive import always, some_of
from tests.guard import GUARD_SECONDS
from tests.programs import command, run


@pytest.fixture
def trio_run(tmp_path: Path) -> list[str]:
    return command(tmp_path / "bin", "trio-run")


def write(path: str, text: str) -> None:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


HELLO = "import trio\nasync def main():\n    await trio.lowlevel.checkpoint()\n    print('hello')\n"


def test_runs_the_main_of_a_module_in_the_current_folder(trio_run: list[str]) -> None:
    write("hello.py", HELLO)
    result = run([*trio_run, "hello"])
    assert (result.returncode, result.stdout, result.stderr) == (0, "hello\n", "")


def test_runs_the_main_of_a_package(trio_run: list[str]) -> None:
    write("pack/__init__.py", "")
    write("pack/__main__.py", HELLO)
    assert run([*trio_run, "pack"]).stdout == "hello\n"


@pytest.mark.exhaustive
def test_runs_a_module_inside_a_package(trio_run: list[str]) -> None:
    write("pack/deep/hello.py", HELLO)
    assert run([*trio_run, "pack.deep.hello"]).stdout == "hello\n"


def test_runs_another_function(trio_run: list[str]) -> None:
    write("hello.py", "async def go():\n    print('gone')\n")
    assert run([*trio_run, "hello:go"]).stdout == "gone\n"


def test_the_current_folder_comes_before_installed_modules(trio_run: list[str]) -> None:
    write("click.py", HELLO)
    assert run([*trio_run, "click"]).stdout == "hello\n"


@some_of("returned", {"None": None, "0": 0, "3": 3}, "3")
def test_what_the_function_returns_is_the_exit_status(trio_run: list[str], returned: int | None) -> None:
    write("program.py", f"async def main():\n    return {returned}\n")
    result = run([*trio_run, "program"])
    assert (result.returncode, result.stderr) == (returned or 0, "")


def test_sys_argv_and_sys_path_are_those_of_python_m(trio_run: list[str]) -> None:
    body = "import sys\nprint(sys.argv, sys.path[0], __file__)\n"
    write("program.py", f"{body}async def main(): pass\n")
    arguments = ["one", "--help", "-x"]
    ours = run([*trio_run, "program", *arguments])
    pythons = run([sys.executable, "-m", "program", *arguments])
    assert ours.stdout == pythons.stdout
    assert ours.stdout != ""


def test_help(trio_run: list[str]) -> None:
    for option in ("-h", "--help"):
        result = run([*trio_run, option])
        assert result.returncode == 0
        assert result.stdout.startswith("Usage: trio-run MODULE[:FUNCTION] [ARGS…]\n")


def test_without_a_module_it_shows_its_usage(trio_run: list[str]) -> None:
    result = run(trio_run)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("Usage: trio-run MODULE[:FUNCTION] [ARGS…]\n")


NOT_RUNNABLE = {
    "nothing": "no module named nothing (looked in ",
    "nothing.inside": "no module named nothing (looked in ",
    "pack.nothing": "no module named pack.nothing (looked in ",
    "program.inside": "no module named program.inside (program is not a package)",
    "pack": "pack is a package without a __main__ module; name one of its modules",
    "__main__": "no module named __main__ (looked in ",
    "program": "program has no function main; name another one with trio-run program:FUNCTION",
    "program:nothing": "program has no function nothing; name another one with trio-run program:FUNCTION",
    "program:sync": "sync in program is not an async function",
    "program:number": "number in program is not an async function",
    "program:needy": "needy in program must take no arguments: missing a required argument: 'what'",
    "program:text": "program:text returned a str; expected an exit status (int) or None",
    "program.py": "no module named program.py (program is not a package)",
    "./program": "'./program' is not the name of a module; usage: trio-run MODULE[:FUNCTION] [ARGS…]",
    "-x": "'-x' is not the name of a module; usage: trio-run MODULE[:FUNCTION] [ARGS…]",
    ":main": "'' is not the name of a module; usage: trio-run MODULE[:FUNCTION] [ARGS…]",
}


@some_of("target", {target: target for target in NOT_RUNNABLE}, "nothing", "program", "program:sync", "-x")
def test_what_can_not_be_run_is_said_in_one_line(trio_run: list[str], target: str) -> None:
    write("pack/__init__.py", "")
    write(
        "program.py",
        "def sync(): pass\nasync def needy(what): pass\nnumber = 5\nasync def text():\n    return 'done'\n",
    )
    result = run([*trio_run, target])
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"trio-run: {NOT_RUNNABLE[target]}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("broken", always(1, ["pack/__main__.py", "pack/__init__.py"]))
def test_an_import_error_inside_the_module_keeps_its_traceback(trio_run: list[str], broken: str) -> None:
    write("pack/__init__.py", "")
    write("pack/__main__.py", HELLO)
    write(broken, "import no_such_thing\n")
    result = run([*trio_run, "pack"])
    assert result.returncode == 1
    assert "Traceback (most recent call last)" in result.stderr
    assert f'{broken}", line 1' in result.stderr
    assert result.stderr.endswith("ModuleNotFoundError: No module named 'no_such_thing'\n")


def test_an_error_of_the_program_keeps_its_traceback(trio_run: list[str]) -> None:
    write("program.py", "async def main():\n    raise ValueError('mine')\n")
    result = run([*trio_run, "program"])
    assert result.returncode == 1
    assert result.stderr.endswith("ValueError: mine\n")


WAITS = """\
import trio
async def main():
    try:
        print("ready", flush=True)
        await trio.sleep_forever()
    finally:
        print("cleaned up", flush=True)
"""


def test_ctrl_c_lets_the_program_clean_up(trio_run: list[str]) -> None:
    write("program.py", WAITS)
    with subprocess.Popen([*trio_run, "program"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603  our own program
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=GUARD_SECONDS)
    assert (process.returncode, output, errors) == (130, "cleaned up\n", "")
