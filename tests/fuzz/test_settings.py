"""Settings from variables, `.env` and secret files."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mailroom.config.environment import SETTINGS, read_environment
from mailroom.config.variables import PREFIX
from tests.fuzz.mutations import Tape, made, spoilt
from tests.fuzz.promises import MARK, a_value_or_a_clear_error
from tests.fuzz.running import fuzzed

NAMES = [PREFIX + field.upper() for field in SETTINGS]
_ODD_NAMES = (PREFIX, "MAILROOM_POL_INTERVAL", "mailroom_jmap_token", "MAILROOM_ü", "Mailroom_X Y")
_NAMES = (*NAMES, *NAMES[:8], *_ODD_NAMES)

VALUES = [
    MARK, f"Bearer {MARK}", f'"{MARK}"', f" {MARK}\n", f"{MARK}ü", f"{MARK} {MARK}", f"{MARK}:x",
    f"${{{MARK}}}", "${HOME}",
    "https://mail.example.com/", "http://127.0.0.1:1/", f"https://{MARK}@x.example/", f"https://[{MARK}",
    f"https://x:y/{MARK}",
    "https://x.example:99999/", f"https://{MARK}:99999999999999999999/", f"ftp://x/{MARK}", "https://",
    "https://\u2100/",
    "60", "1.5", "-1", "0", "nan", "inf", "1e400", "9" * 5_000, "0x10", "\u0661", "true", "[]", "{}", "null",
    "", " ", "\t",
    "auto", "JMAP", "carddav", "debug", "json", "::1", "localhost", "0.0.0.0:80", "a..b", "-", "~",
    "~nobody/x", "~\x01", "/etc",
]  # fmt: skip
_PIECES = (
    b"=", b"\n", b"\r\n", b"\r", b"'", b'"', b"\\", b"#", b"export ", b"${", b"}", b"$", b" ", b"\0",
    b"\xff", b"\xef\xbb\xbf", b":",
    b"MAILROOM_JMAP_TOKEN", b"MAILROOM_CONFIG=",
    b"MAILROOM_JMAP_TOKEN:" + MARK.encode() + b"\n", b"\\x", b"\\N",
)  # fmt: skip


@dataclass(frozen=True)
class Given:
    """Variables, and the contents of `.env` and of the secret files."""

    variables: Mapping[bytes, bytes]
    dotenv: bytes
    files: Mapping[str, bytes]


def _pairs(tape: Tape, most: int) -> list[tuple[str, str]]:
    return [(tape.pick(_NAMES), tape.pick(VALUES)) for _ in range(tape.below(most + 1))]


def settings_given(tape: Tape) -> Given:
    odd = b"\xff" if tape.below(8) == 7 else b""  # an environment may hold any bytes but NUL
    variables = {name.encode(): value.encode() + odd for name, value in _pairs(tape, 3)}
    lines = "".join(f"{name}={value}\n" for name, value in _pairs(tape, 3)).encode()
    files: dict[str, bytes] = {}
    if tape.below(3) == 2:
        files = {tape.pick(NAMES).lower(): spoilt(tape, tape.pick(VALUES).encode(), _PIECES, most=1)}
    return Given(variables, spoilt(tape, lines, _PIECES, most=2), files)


@fuzzed(percent=1, given=made(settings_given))
def test_any_settings_are_read_or_every_problem_is_clear(given: Given) -> None:
    Path(".env").write_bytes(given.dotenv)
    folder = Path("secrets")
    folder.mkdir(exist_ok=True)
    for name, content in given.files.items():
        (folder / name).write_bytes(content)
    os.environb.update(given.variables)
    try:
        with a_value_or_a_clear_error():
            read = read_environment(secrets_folder=folder)
            assert 1 <= read.process.health_port <= 65_535
            if read.account is None:
                return
            assert 1 <= read.account.settings.poll_interval <= 86_400
            assert "\0" not in str(read.account.scheme_file)
    finally:
        for variable in given.variables:
            del os.environb[variable]
        for name in given.files:
            (folder / name).unlink()
