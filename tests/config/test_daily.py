"""`[digest]` and `[expire]` of `mailroom.toml`."""

import tomllib
from datetime import time
from zoneinfo import ZoneInfo

import pytest

from mailroom.config.daily import Digest, Expiry
from mailroom.config.scheme_file import build_scheme
from mailroom.errors import ConfigError

BERLIN = 'timezone = "Europe/Berlin"'


def problems(toml: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as raised:
        build_scheme(tomllib.loads(toml))
    return raised.value.problems


def test_neither_happens_without_its_table() -> None:
    scheme = build_scheme({})
    assert (scheme.digest, scheme.expire) == (None, None)


def test_both_are_read() -> None:
    scheme = build_scheme(tomllib.loads(f'[digest]\nat = " 7:05"\n{BERLIN}\n[expire]\nafter_days = 30\nto = "Trash"'))
    assert scheme.digest == Digest(time(7, 5), ZoneInfo("Europe/Berlin"))
    assert scheme.expire == Expiry(30, "Trash")
    assert build_scheme(tomllib.loads("[expire]\nafter_days = 1")).expire == Expiry(1, "Archive")


AT = 'digest: at must be a time of day, such as "07:30"'
ZONE = 'digest: timezone must be the name of a time zone, such as "Europe/Berlin" (IANA)'
DAYS = "expire: after_days must be a whole number of days from 1 to 3650"


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ("[digest]", [AT, ZONE]),
        (f'[digest]\nat = "24:00"\n{BERLIN}', [AT]),
        (f'[digest]\nat = "7.30"\n{BERLIN}', [AT]),
        (f"[digest]\nat = 07:30:00\n{BERLIN}", [AT]),
        ('[digest]\nat = "07:30"', [ZONE]),
        *(
            (f'[digest]\nat = "07:30"\ntimezone = "{zone}"', [ZONE])
            for zone in ("Berlin", "../../etc/passwd", "/etc/localtime", "", "Europe", "a" * 300, "Europe/\\u0000")
        ),
        ('[digest]\nat = "07:30"\ntimezone = 1', [ZONE]),
        (
            f'[digest]\nat = "07:30"\n{BERLIN}\nto = "x"',
            ["digest: to is not a key here; it belongs below a line [expire]"],
        ),
        ('digest = "07:30"', ["digest must be a table: a line [digest], and its keys below"]),
        ("[expire]", ["expire: after_days is missing: how many days mail may wait, such as 30"]),
        ("[expire]\nafter_days = 0", [DAYS]),
        ("[expire]\nafter_days = 30.5", [DAYS]),
        ('[expire]\nafter_days = 30\nto = "Inbox"', ['expire: to must be "Archive" or "Trash"']),
        ("expire = 30", ["expire must be a table: a line [expire], and its keys below"]),
        ("after_days = 30", ["after_days is not a key here; it belongs below a line [expire]"]),
    ],
)
def test_a_wrong_one_is_told_with_what_is_wanted(toml: str, expected: list[str]) -> None:
    assert list(problems(toml)) == expected
