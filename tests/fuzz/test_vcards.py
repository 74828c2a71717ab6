"""vCards as text: any card is read, an edit changes no line but those it means, what is written reads back."""

import re
from collections.abc import Callable

from hypothesis import strategies as st

from mailroom.contacts import content_lines, group_vcard, vcard
from mailroom.contacts.base import Fields, NewCard, Unreadable
from mailroom.contacts.uids import bare_uid
from tests.contacts.test_vcard import read_card
from tests.fuzz.mutations import made, spoilt
from tests.fuzz.promises import MARK, assert_clear, assert_sane
from tests.fuzz.running import fuzzed

TEXT = st.text(st.characters(exclude_categories=()), max_size=200)


@fuzzed(percent=1, text=TEXT)
def test_any_text_reads_back_as_it_was_written(text: str) -> None:
    assert content_lines.unescaped(content_lines.escaped(text)) == content_lines.clean(text)
    assert "\n" not in content_lines.escaped(text)


@fuzzed(percent=1, text=TEXT)
def test_cleaning_drops_nothing_but_what_no_card_can_hold(text: str) -> None:
    newlines = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(c for c in newlines if c in "\n\t" or (c >= " " and c != "\x7f" and c not in "\ufffe\uffff"))
    assert content_lines.clean(text) == "".join(c for c in kept if not "\ud800" <= c <= "\udfff")


UIDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters='"'), min_size=1).filter(
    lambda uid: uid == bare_uid(uid) == content_lines.clean(uid)
)


@fuzzed(percent=1, uid=UIDS, name=TEXT, organization=TEXT, given=TEXT, family=TEXT, note=TEXT)
def test_any_new_card_reads_back_as_it_was_meant(
    uid: str, name: str, organization: str, given: str, family: str, note: str
) -> None:
    fields = Fields(name, organization, given, family)
    text = vcard.new_card(NewCard(uid, "anna@example.com", fields, note))
    card = read_card(text)
    meant = Fields(*map(content_lines.clean, (name, organization, given, family)))
    assert (card.uid, card.fields, card.note) == (uid, meant, content_lines.clean(note))
    assert card.addresses == {"anna@example.com"}
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))


LINE_ENDS = st.sampled_from(["\r\n", "\n"])
NAMES = st.sampled_from(
    [
        "TEL",
        "FN",
        "N",
        "ORG",
        "NOTE",
        "REV",
        "KIND",
        "item1.X-ABLabel",
        "PHOTO;ENCODING=b",
        'X-FOO;X-BAR="a;b,c:d"',
        "EMAIL;TYPE=INTERNET",
        "item2.NOTE;LANGUAGE=de",
        "X-ADDRESSBOOKSERVER-MEMBER",
    ]
)
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=120) | st.sampled_from(
    ["", ";;;;", "a\\nb", "trailing\\", "urn:uuid:a", 'urn:uuid:"urn:uuid:b"', "a,b;c\\,d"]
)


@st.composite
def any_line(draw: st.DrawFn) -> str:
    """A content line, folded anywhere, or a blank one."""
    content = f"{draw(NAMES)}:{draw(VALUES)}"
    for at in sorted(draw(st.lists(st.integers(1, len(content)), max_size=3)), reverse=True):
        content = content[:at] + draw(LINE_ENDS) + draw(st.sampled_from(" \t")) + content[at:]
    return draw(st.sampled_from([content, content, content, ""])) + draw(LINE_ENDS)


@st.composite
def any_card(draw: st.DrawFn) -> str:
    lines = draw(st.lists(any_line(), max_size=8))
    end = draw(LINE_ENDS)
    return f"BEGIN:VCARD{end}VERSION:3.0{end}UID:u{end}{''.join(lines)}END:VCARD{draw(st.sampled_from(['', end]))}"


def lines_of(text: str) -> list[str]:
    """The logical lines as they stand; written independently of the code under test."""
    lines: list[str] = []
    for physical in re.findall("[^\n]*\n|[^\n]+", text):
        if lines and physical[0] in " \t":
            lines[-1] += physical
        else:
            lines.append(physical)
    return lines


def name_of(line: str) -> str:
    head = re.sub("\r?\n[ \t]", "", line).split(":")[0].split(";")[0]
    return head.rpartition(".")[2].strip().upper()


Edit = tuple[set[str], Callable[[str], str]]
"""The properties that an edit of a text concerns, and the edit."""

EDITS: list[Edit] = [
    ({"NOTE"}, lambda text: vcard.completed(text, Fields(), "a\nb ü")),
    (
        {"NOTE", "FN", "N", "ORG"},
        lambda text: vcard.completed(text, Fields("A, B", "O;P", "G", "F\\"), f"{read_any_note(text)}\nnew"),
    ),
    ({"EMAIL"}, lambda text: vcard.with_address(text, "anna@example.com")),
    (
        {"MEMBER", "X-ADDRESSBOOKSERVER-MEMBER"},
        lambda text: group_vcard.with_members(text, ["a", "0d1203f8-6748-461d-ad16-2ca5978c77dc", "c"]),
    ),
    ({"MEMBER", "X-ADDRESSBOOKSERVER-MEMBER"}, lambda text: group_vcard.without_members(text, ["a", "b"])),
]


def read_any_note(text: str) -> str:
    return "\n".join(content_lines.unescaped(line.value) for line in content_lines.parse(text).all("NOTE"))


@fuzzed(percent=1, text=any_card())
def test_reading_a_card_and_writing_it_back_changes_no_byte(text: str) -> None:
    assert content_lines.parse(text).text == text


@fuzzed(percent=1, change=st.sampled_from(EDITS), text=any_card())
def test_an_edit_changes_no_line_but_those_it_means(change: Edit, text: str) -> None:
    names, edit = change

    def others(of: str) -> list[str]:
        return [line for line in lines_of(of) if name_of(line) not in names]

    assert others(edit(text)) == others(text)


@fuzzed(percent=1, edit=st.sampled_from([edit for _, edit in (EDITS[0], *EDITS[2:])]), text=any_card())
def test_an_edit_made_twice_equals_one(edit: Callable[[str], str], text: str) -> None:
    assert edit(edit(text)) == edit(text)


@fuzzed(percent=1, text=any_card(), note=TEXT)
def test_any_note_reads_back_as_it_was_written(text: str, note: str) -> None:
    edited = vcard.completed(text, Fields(), note)
    assert read_any_note(edited) == content_lines.clean(note)
    assert vcard.completed(edited, Fields(), note) == edited


@fuzzed(percent=1, text=any_card(), more=st.text(st.sampled_from("ab\n"), max_size=6))
def test_a_note_that_grows_keeps_every_other_note_line(text: str, more: str) -> None:
    before = [line.raw for line in content_lines.parse(text).all("NOTE")]
    edited = vcard.completed(text, Fields(), f"{read_any_note(text)}\n{more}")
    after = [line.raw for line in content_lines.parse(edited).all("NOTE")]
    assert after[: len(before) - 1] == before[:-1]


@fuzzed(percent=1, text=any_card(), uids=st.sets(UIDS, max_size=5))
def test_members_who_join_are_members_and_then_can_leave(text: str, uids: set[str]) -> None:
    before = members_of(text)
    joined = group_vcard.with_members(text, sorted(uids))
    assert members_of(joined) == before | uids
    assert members_of(group_vcard.without_members(joined, uids)) == before - uids


def members_of(text: str) -> set[str]:
    lines = content_lines.parse(text).all("MEMBER", "X-ADDRESSBOOKSERVER-MEMBER")
    return {bare_uid(content_lines.unescaped(line.value)) for line in lines}


CARDS = [
    f"""BEGIN:VCARD\r
VERSION:3.0\r
UID:urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6\r
FN:{MARK}\\, PhD\r
N:{MARK};Anna\\;B;;Dr.;\r
ORG:{MARK}\\, Ltd;Sales\r
item1.EMAIL;TYPE=INTERNET;TYPE=pref:Anna@Example.com\r
item1.X-ABLabel:_$!<Work>!$_\r
EMAIL;X-A="a;b,c:d",e:"anna"@bücher.example\r
NOTE:{MARK}\\none\\n\r
  folded\r
PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRgABAQAAAQABAAD\r
 /2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwg\r
REV:2026-01-02T03:04:05Z\r
END:VCARD\r
""".encode(),
    f"""BEGIN:VCARD\nVERSION:4.0\nUID:g\nFN:{MARK}\nKIND:group\nMEMBER:urn:uuid:abc\n
X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:"urn:uuid:x\n yz"\nNOTE;LANGUAGE=de:\nEND:VCARD""".encode(),
    f"BEGIN:VCARD\nVERSION:2.1\nN;ENCODING=QUOTED-PRINTABLE:={MARK}=\n;x\nEND:VCARD\n".encode(),
]
PIECES = (
    b"\r\n", b"\n", b"\r", b" ", b"\t", b"\n ", b":", b";", b",", b"=", b'"', b"\\", b"\\n", b".", b"\0",
    b"\xff", b"\xe2\x80\xa8", b"@",
    b"BEGIN:VCARD\n", b"END:VCARD\n", b"KIND:group\n", b"UID:\n", b"UID:v\n", b"NOTE:\n", b"EMAIL:a@b@c\n",
    b"N:;;;;\n", b"ORG:;\n",
    b";A", b";A" * 40, b";A=b,c" * 20, b";A=,", b';A="', b"A.", b"\xef\xbb\xbf", b"\x85", b"urn:uuid:", b"MEMBER:\n",
    b"a@" + b"x" * 990 + b"\n",
)  # fmt: skip


@fuzzed(percent=5, content=made(lambda tape: spoilt(tape, tape.pick(CARDS), PIECES)), change=st.sampled_from(EDITS))
def test_any_text_is_a_card_that_can_be_edited_or_is_unreadable(content: bytes, change: Edit) -> None:
    text = content.decode(errors="replace")
    read = vcard.read("ref", text)
    assert_sane(read)
    if isinstance(read, Unreadable):
        assert_clear(read.reason)
        return
    names, edit = change
    edited = edit(text)
    again = vcard.read("ref", edited)
    assert type(again) is type(read)
    assert again.uid == read.uid
    others = [line for line in lines_of(text) if name_of(line) not in names]
    assert [line for line in lines_of(edited) if name_of(line) not in names] == others
    vcard.extras(edited)
