"""Debian 13 in a folder: the base of the image, and a machine with a podman that knows quadlets."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

RELEASE = "trixie"
SECONDS = 600
"""For a command that takes minutes at most. This only ends a hanging one."""


class Failed(Exception):
    """A command ended with another status than 0; the text carries the end of what it printed."""


def run(*command: str | Path, environment: Mapping[str, str] | None = None, stdin: str = "") -> str:
    """Run a command to its end; returns its standard output, stripped. Raises `Failed`."""
    arguments = [str(argument) for argument in command]
    done = subprocess.run(  # noqa: S603  the machine's own tools
        arguments, input=stdin, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if done.returncode != 0:
        raise Failed(
            f"{' '.join(arguments[:3])} … ended with {done.returncode}:\n{(done.stdout + done.stderr)[-4000:]}"
        )
    return done.stdout.strip()


def require(*programs: str) -> None:
    """Raises `Failed` with the names of the programs that are missing."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        raise Failed(f"install {' '.join(missing)}, and run this as root")


def bootstrap(root: Path, packages: Sequence[str], downloads: Path) -> None:
    """Install Debian with some packages into `root`; `downloads` keeps the packages for a next one. Takes a minute."""
    downloads.mkdir(exist_ok=True)
    chosen = ["--variant=minbase", f"--include={','.join(packages)}", f"--cache-dir={downloads}"]
    run("debootstrap", *chosen, RELEASE, root)


def pack_python(root: Path, archive: Path) -> None:
    """Make of a bootstrapped root what the usual Python images are: pip may install, and `python` is there."""
    for marker in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        marker.unlink()
    for name in ("python", "python3"):
        (root / "usr/local/bin" / name).symlink_to("/usr/bin/python3")
    run("tar", "--create", f"--file={archive}", f"--directory={root}", *(f"--exclude=./{it}" for it in NOT_PACKED), ".")


NOT_PACKED = ("dev/*", "proc/*", "sys/*", "var/cache/apt/*", "var/lib/apt/lists/*")
