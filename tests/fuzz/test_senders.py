"""What senders write into From, and users into notes."""

from datetime import UTC, datetime

from mailroom.addresses import canonical, search_texts, spellings
from mailroom.decisions.note import ADOPTED, CREATED, HEADER, has_block, recorded, says_created, stripped
from mailroom.names import display_name
from tests.fuzz.mutations import Tape, made
from tests.fuzz.promises import assert_sane
from tests.fuzz.running import fuzzed

_ADDRESS_PIECES = (
    "@", ".", '"', "\\", " ", "\t", "\r\n", "ann", "ANN", "ü", "ß", "İ", "e\u0301", "xn--", "xn--bcher-kva",
    "example", "org",
    "\u3002", "\u00ad", "\u200d", "\ud800", "\x00", "\x85", "\u2028", "[", "]", "(", ")", "<", ">", ",",
    ";", ":", "\u0627", "a" * 64,
    "\u0315\u0300" * 600, "x" * 990, "\ufb03", "\u0130" * 400,
)  # fmt: skip


def a_text(tape: Tape) -> str:
    return "".join(tape.pick(_ADDRESS_PIECES) for _ in range(tape.below(9)))


@fuzzed(percent=6, text=made(a_text))
def test_any_address_is_canonical_or_none(text: str) -> None:
    address = canonical(text)
    if address is not None:
        assert_sane(address)
        assert canonical(address) == address
        assert {canonical(each) for each in spellings(address)} == {address}
        assert all(search_texts(address))


@fuzzed(percent=3, text=made(a_text))
def test_any_display_name_is_one_short_clean_line(text: str) -> None:
    name = display_name(text)
    assert_sane(name)
    assert len(name) <= 200
    assert len(name.splitlines()) <= 1
    assert display_name(name) == name


_NOTE_PIECES = (
    HEADER, CREATED, ADOPTED, "Triaged to Feed on 2026-03-05", "Re-triaged to Feed on 2026-03-05",
    "Triaged to ", " on 2026-03-05", "Back to the Screener on 2026-03-05T10:00Z", "Undone", "Whole domain",
    "\n", "\n", "\r\n", "\r", " ", "\t", "mine", "\u2028", "Feed",
)  # fmt: skip


def a_note(tape: Tape) -> str:
    return "".join(tape.pick(_NOTE_PIECES) for _ in range(tape.below(13)))


@fuzzed(percent=3, note=made(a_note))
def test_any_note_is_written_once_and_can_be_stripped(note: str) -> None:
    after = recorded(note, "Feed", datetime(2026, 4, 1, tzinfo=UTC), CREATED)
    assert has_block(after)
    assert recorded(after, "Feed", datetime(2026, 5, 1, tzinfo=UTC), ADOPTED) == after
    assert not has_block(stripped(after))
    assert says_created(after) or has_block(note)
