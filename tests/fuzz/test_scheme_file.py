"""`mailroom.toml`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mailroom.config.scheme_file import build_scheme, read_scheme
from tests.conftest import PROJECT
from tests.fuzz.mutations import Tape, made, spoilt
from tests.fuzz.promises import a_value_or_a_clear_error, assert_sane
from tests.fuzz.running import fuzzed

FILES = [
    (PROJECT / "mailroom.example.toml").read_bytes(),
    b'categories = ["Feed", "Paper Trail"]\nscreener_mailbox = "In/Screener"\nwarnings_enabled = false\n',
    b'[[categories]]\nname = "Imbox"\nadd_to_inbox = true\n[[categories]]\nname = "Person"\nparent = "Imbox"\n'
    b'contact_type = "person"\nlabel = "@P"\ncontact_group = "P"\ndestination_mailbox = "A/B"\n',
    b'[screening]\nmode = "on"\ndays = 3\nforged = "warn"\nmoves = false\nknown_contacts = false\n'
    b'let_through = ["a@x.org", "x.org", "@x.org", "*.x.org", "list:<a.x.org>", "to:me@x.org"]\n',
]
PIECES = (
    b'"', b"'", b'"""', b"=", b"[", b"]", b"[[", b"]]", b"{", b"}", b".", b",", b"\n", b"\r", b"#",
    b"\\u0000", b"\\ud800", b"\\n", b"\xff",
    b"\xef\xbb\xbf", b"\0", b"[" * 2_000, b"{a=" * 1_500, b"9" * 5_000, b"1e999", b"nan", b"2026-99-99",
    b"0x", b"a.b.c = 1\n", b"true",
    b'parent = "Feed"\n', b'name = "Feed"\n', b'label = "Inbox"\n', b"[[categories]]\n",
    b'"a\\nb\\u001b" = 1\n', b"e\xcc\x81", b"\xe2\x80\xa8",
)  # fmt: skip


@fuzzed(percent=8, content=made(lambda tape: spoilt(tape, tape.pick(FILES), PIECES)))
def test_any_file_is_a_scheme_or_every_problem_is_clear(content: bytes) -> None:
    path = Path("mine.toml")
    path.write_bytes(content)
    with a_value_or_a_clear_error():
        assert_sane(read_scheme(path))


_TEXTS = ("Feed", "Imbox", "Inbox", "A/B", "/", "", " ", "@ToFeed", "Screener", "a\nb", "e\u0301", "\u2028")
_VALUES: tuple[Any, ...] = (
    None,
    True,
    5,
    0.5,
    float("nan"),
    [],
    {},
    [[]],
    ["Feed"],
    "company",
    "person",
    *_TEXTS,
    *_TEXTS,
)
_KEYS = ("name", "label", "contact_group", "destination_mailbox", "contact_type", "parent", "add_to_inbox", "nmae", "")
_SCREENING = ("mode", "days", "let_through", "known_contacts", "correspondents", "forged", "moves", "modes", "")
_ENTRIES = ("a@b", "*@b", "@b", "*.b.c", "list:", "list:<a>", "to:a@b", "to:", "*", "@", ".", "\x00", "é@é.é", 5, None)
_TOP = (
    "screener_mailbox",
    "error_label",
    "warning_label",
    "back_label",
    "domain_label",
    "list_label",
    "provenance_group",
    "warnings_enabled",
    "screener",
    "\x1b[1m",
)


def _table(tape: Tape, keys: Sequence[str]) -> dict[str, Any]:
    return {tape.pick(keys): tape.pick(_VALUES) for _ in range(tape.below(6))}


def decoded_toml(tape: Tape) -> dict[str, Any]:
    top = _table(tape, _TOP)
    if tape.below(2):
        entries = [tape.pick(_ENTRIES) for _ in range(tape.below(4))]
        top["screening"] = tape.pick([_table(tape, _SCREENING), {"let_through": entries}, *_VALUES])
    match tape.below(8):
        case 0:
            return top
        case 1:
            return {**top, "categories": tape.pick(_VALUES)}
        case _:
            items = [tape.pick(_TEXTS) if tape.below(2) else _table(tape, _KEYS) for _ in range(tape.below(6))]
            return {**top, "categories": items}


@fuzzed(percent=4, raw=made(decoded_toml))
def test_any_values_are_a_scheme_or_every_problem_is_clear(raw: dict[str, Any]) -> None:
    with a_value_or_a_clear_error():
        scheme = build_scheme(raw)
        assert_sane(scheme)
        assert all(scheme.chain(each) for each in scheme.categories)
