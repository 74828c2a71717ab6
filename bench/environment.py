"""The environment that measurements run in."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.machine import PROJECT


@contextmanager
def clean_environment() -> Iterator[None]:
    """No settings of whoever measures: no variable, and a folder without `.env` to run the processes in."""
    for name in [name for name in os.environ if name.upper().startswith("MAILROOM_")]:
        del os.environ[name]
    os.environ["PYTHONPATH"] = str(PROJECT)
    here = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="mailroom-bench-") as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(here)
