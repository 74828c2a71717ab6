"""Secrets in files of their own, which `…_file` settings name."""

import os
import stat
from pathlib import Path

LONGEST_SECRET = 65_536
"""In bytes; more is no secret but the wrong file."""


def read_secret(path: Path) -> str:
    """What the file holds. Raises `ValueError`, whose text goes on after the setting's name and quotes nothing.

    Not even the path: where somebody wrote the secret itself instead, it would be told.
    """
    try:
        # Opening a pipe that nobody writes to would wait.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ValueError("names something that is no regular file")
            content = file.read(LONGEST_SECRET + 1)
    except OSError as unreadable:
        raise ValueError(f"names a file that can't be read: {unreadable.strerror}") from None
    if len(content) > LONGEST_SECRET:
        raise ValueError("names a file that is too large for a secret")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("names a file that is not UTF-8 text") from None
    if not text.strip():
        raise ValueError("names a file that is empty")
    return text
