"""vCards as text: what is read, and that an edit changes only the lines it means."""

import re

import pytest

from mailroom.contacts import content_lines, group_vcard, vcard
from mailroom.contacts.base import Card, Fields, Group, NewCard, Unreadable
from mailroom.contacts.joined_notes import LONGEST, MOST
from tests.exhaustive import always

NOTE = "— Mailroom —\nCreated by Mailroom\nTriaged to Feed on 2026-03-05"


def card_text(*lines: str, version: str = "3.0", line_end: str = "\r\n") -> str:
    return line_end.join(["BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", ""])


def group_text(*members: str) -> str:
    return card_text("UID:g", "FN:Feed", "X-ADDRESSBOOKSERVER-KIND:group", *members)


def read_card(text: str) -> Card:
    read = vcard.read("ref", text)
    assert isinstance(read, Card)
    return read


def read_group(text: str) -> Group:
    read = vcard.read("ref", text)
    assert isinstance(read, Group)
    return read


def unfolded(text: str) -> list[str]:
    return re.sub("\r?\n[ \t]", "", text).split("\n")


# --- reading


def test_a_card_is_read() -> None:
    text = card_text(
        "UID:urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "FN:Anna Smith\\, PhD",
        "N:Smith;Anna\\;B;;Dr.;",
        "ORG:Shop\\, Ltd;Sales",
        "item1.EMAIL;TYPE=INTERNET;TYPE=pref:Anna@Example.com",
        'EMAIL:"anna"@bücher.example',
        "EMAIL:no address",
        "NOTE:one\\ntwo\\\\n\\:",
        "note;LANGUAGE=en:three",
        "REV:2026-01-02T03:04:05Z",
    )
    assert vcard.read("ref", text) == Card(
        ref="ref",
        uid="f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        fields=Fields("Anna Smith, PhD", "Shop, Ltd", "Anna;B", "Smith"),
        addresses=frozenset({"anna@example.com", "anna@xn--bcher-kva.example"}),
        note="one\ntwo\\n:\nthree",
        age="20260102T030405Z",
    )


def test_a_card_without_anything_but_a_uid_is_empty() -> None:
    assert vcard.read("ref", card_text("UID:u")) == Card("ref", "u", Fields(), frozenset(), "")


@pytest.mark.parametrize(
    ("member", "uid"),
    [
        ("urn:uuid:abc", "abc"),
        ('urn:uuid:"urn:uuid:abc"', "abc"),
        ("URN:UUID:urn:uuid:abc", "abc"),
        ('"urn:uuid:abc"', "abc"),
        ("abc", "abc"),
        ("urn:uu\r\n id:a\r\n\tbc", "abc"),
        ("urn:uuid:a\\,b", "a,b"),
    ],
)
def test_members_are_bare_uids_in_every_form(member: str, uid: str) -> None:
    assert read_group(group_text(f"X-ADDRESSBOOKSERVER-MEMBER:{member}")).members == {uid}


def test_a_group_of_vcard_4_is_a_group() -> None:
    text = card_text("UID:g", "FN:Feed", "KIND:GROUP", "MEMBER:urn:uuid:abc", version="4.0")
    assert vcard.read("ref", text) == Group("ref", "g", "Feed", frozenset({"abc"}))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (card_text("UID:u", "secret words of a friend@example.com"), "content line 4 is malformed"),
        ("", "from BEGIN:VCARD to END:VCARD"),
        ("<html>", "content line 1 is malformed"),
        (card_text("UID:u").replace("END:VCARD\r\n", ""), "from BEGIN:VCARD"),
        (card_text("UID:u") + card_text("UID:v"), "more than one card"),
        (card_text("FN:No Uid", "EMAIL:friend@example.com"), "no UID"),
        (card_text("UID:u", "FN;ENCODING=QUOTED-PRINTABLE:=4D"), "quoted-printable"),
        (card_text("UID:u", "NOTE;QUOTED-PRINTABLE:=4D=", "=4D"), "quoted-printable"),
        (card_text("UID:u", "ADR;LABEL=x:=4D=", "=4D"), "content line 5 is malformed"),
    ],
)
def test_a_broken_card_is_unreadable_and_its_text_stays_secret(text: str, reason: str) -> None:
    read = vcard.read("ref", text)
    assert isinstance(read, Unreadable)
    assert reason in read.reason
    assert "secret" not in read.reason
    assert read.addresses == ({"friend@example.com"} if "friend" in text else set())


@pytest.mark.parametrize(
    ("lines", "group"),
    [
        (["FN:Feed", "X-ADDRESSBOOKSERVER-KIND:group"], "Feed"),
        (["KIND:group", "FN:Paper \\, Trail"], "Paper , Trail"),
        (["kind;x=1:GROUP", "item1.FN:Fe", " ed"], "Feed"),
        (["FN;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:=46eed", "KIND:group"], "Feed"),
        (["KIND:group"], ""),
        (["FN:group", "KIND:individual"], None),
        (["FN:Feed"], None),
    ],
)
def test_a_broken_group_tells_its_name(lines: list[str], group: str | None) -> None:
    read = vcard.read("ref", card_text(*lines))
    assert isinstance(read, Unreadable)
    assert read.group == group


@pytest.mark.parametrize("parameters", [";A" * 40, ";A=b,c" * 40, ';A="b","c"' * 40, ";A=" + "," * 40])
def test_a_line_of_many_parameters_and_no_colon_is_found_malformed_at_once(parameters: str) -> None:
    """Tried in every way that it could be taken apart, it would take years."""
    with pytest.raises(content_lines.NotAVCard, match="line 2 is malformed"):
        content_lines.parse(f"BEGIN:VCARD\r\nX{parameters}\r\nEND:VCARD\r\n")


def test_a_line_of_many_parameters_is_read() -> None:
    parameters = ';A=b,"c:d";E' * 5_000
    (line,) = content_lines.parse(f"BEGIN:VCARD\r\nx_abshowas{parameters}:z:\r\nEND:VCARD\r\n").all("X-ABSHOWAS")
    assert (line.head, line.value) == (f"x_abshowas{parameters}", "z:")


def test_an_unreadable_card_with_a_large_photo_is_searched_for_addresses_in_one_go() -> None:
    photo = "PHOTO;ENCODING=b:" + "A" * 2_000_000
    read = vcard.read("ref", card_text("EMAIL:anna@example.com", photo))
    assert isinstance(read, Unreadable)
    assert read.addresses == {"anna@example.com"}


# --- new cards


def test_a_company_is_a_card_with_an_organization_and_no_name() -> None:
    new = NewCard("uid-1", "news@example.com", Fields("Shop, Ltd", "Shop, Ltd"), NOTE)
    assert vcard.new_card(new) == (
        "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:uid-1\r\nFN:Shop\\, Ltd\r\nN:;;;;\r\nORG:Shop\\, Ltd\r\n"
        "X-ABSHOWAS:COMPANY\r\nEMAIL;TYPE=INTERNET:news@example.com\r\n"
        "NOTE:— Mailroom —\\nCreated by Mailroom\\nTriaged to Feed on 2026-03-05\r\n"
        "END:VCARD\r\n"
    )


def test_a_person_is_a_card_with_a_name_and_no_organization() -> None:
    text = vcard.new_card(NewCard("uid-1", "anna@example.com", Fields("Anna Smith", "", "Anna", "Smith"), ""))
    assert text == (
        "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:uid-1\r\nFN:Anna Smith\r\nN:Smith;Anna;;;\r\n"
        "EMAIL;TYPE=INTERNET:anna@example.com\r\nEND:VCARD\r\n"
    )


def test_a_new_group_is_empty() -> None:
    assert vcard.read("ref", group_vcard.new_group("g", "Paper; Trail")) == Group(
        "ref", "g", "Paper; Trail", frozenset()
    )


# --- edits


def test_only_empty_fields_are_filled() -> None:
    text = card_text("UID:u", "FN:Anna", "N:;;;Dr.;", "ORG:;", "X-FOO:a,b;c")
    fill = Fields("Other", "Shop, Ltd", "Anna", "Smith")
    assert vcard.completed(text, fill, "") == card_text(
        "UID:u", "FN:Anna", "N:Smith;Anna;;Dr.;", "ORG:Shop\\, Ltd", "X-FOO:a,b;c"
    )


def test_half_a_name_stays_as_it_is() -> None:
    text = card_text("UID:u", "FN:Anna", "N:;Anna;;;")
    assert vcard.completed(text, Fields(family="Smith"), "") == text


def test_missing_fields_are_added_at_the_end() -> None:
    assert vcard.completed(card_text("UID:u"), Fields("Anna", "Shop", "Anna", ""), "hi") == card_text(
        "UID:u", "FN:Anna", "ORG:Shop", "N:;Anna;;;", "NOTE:hi"
    )


def test_a_new_line_is_folded_and_ends_as_the_card_does() -> None:
    text = card_text("UID:u", line_end="\n")
    edited = vcard.completed(text, Fields(), "ü" * 60)
    assert edited == card_text("UID:u", "NOTE:" + "ü" * 35, " " + "ü" * 25, line_end="\n")


@pytest.mark.parametrize(
    ("notes", "note", "expected"),
    [
        (["a", "b"], "a\nb\nc", ["a", "b\\nc"]),
        (["a", "b"], "a\nc\nb", ["a\\nc", "b"]),
        (["a", "b"], "x\nb", ["x", "b"]),
        (["a", "b"], "a\nx", ["a", "x"]),
        (["a", "a"], "a\na\na", ["a", "a\\na"]),
        (["a", "b", "c"], "a\nb\nd\nc", ["a", "b\\nd", "c"]),
        (["a", "b"], "x\ny", ["x\\ny"]),
        (["a", "b"], "", []),
        (["a"], "b", ["b"]),
        ([], "b", ["b"]),
        ([], "", []),
    ],
)
def test_of_several_notes_only_the_one_that_differs_is_rewritten(
    notes: list[str], note: str, expected: list[str]
) -> None:
    text = card_text("UID:u", *(f"item{index}.NOTE;X-A=1:{text}" for index, text in enumerate(notes)))
    edited = vcard.completed(text, Fields(), note)
    values = [line.split(":", 1)[1] for line in edited.split("\r\n") if "NOTE" in line]
    assert values == expected
    assert read_card(edited).note == note


def test_the_name_and_parameters_of_a_rewritten_line_stay() -> None:
    text = card_text("UID:u", "item1.note;LANGUAGE=en:a")
    assert vcard.completed(text, Fields(), "b") == card_text("UID:u", "item1.note;LANGUAGE=en:b")


COMPANY = Fields("Ann Lee", organization="Ann Lee")
PERSON = Fields("Ann Lee", given="Ann", family="Lee")


def test_a_company_becomes_a_person_and_the_reverse() -> None:
    company = vcard.new_card(NewCard("u", "ann@example.org", COMPANY, NOTE))
    person = vcard.new_card(NewCard("u", "ann@example.org", PERSON, NOTE))
    more = "EMAIL:other@example.org\r\nTEL:1\r\n"
    company, person = (text.replace("NOTE", f"{more}NOTE") for text in (company, person))
    assert vcard.recast(company, PERSON) == person
    assert sorted(vcard.recast(person, COMPANY).splitlines()) == sorted(company.splitlines())


@pytest.mark.parametrize("name", ["KIND", "X-ADDRESSBOOKSERVER-KIND"])
def test_a_card_that_names_its_kind_names_the_new_one(name: str) -> None:
    text = card_text("UID:u", "FN:Ann Lee", "ORG:Ann Lee", f"{name}:ORG")
    assert f"\r\n{name}:individual\r\n" in vcard.recast(text, PERSON)
    assert f"\r\n{name}:org\r\n" in vcard.recast(text, COMPANY)


@pytest.mark.parametrize("line", ["ORG:Ann Lee;Sales", "N:;;;Dr.;", "ORG:Another"])
def test_a_card_that_somebody_added_to_stays_what_it_is(line: str) -> None:
    text = card_text("UID:u", "FN:Ann Lee", "ORG:Ann Lee", line)
    assert vcard.recast(text, PERSON) == text


@pytest.mark.parametrize(
    ("version", "before", "added"),
    [
        ("3.0", "FN:Ann", ["N:;;;;"]),
        ("3.0", "item1.N:Lee;Ann", []),
        ("4.0", "FN:Ann", []),
        ("2.1", "FN:Ann", ["N:;;;;"]),
    ],
)
def test_a_name_is_added_where_the_version_demands_one(version: str, before: str, added: list[str]) -> None:
    text = card_text("UID:u", before).replace("VERSION:3.0", f"VERSION:{version}")
    lines = vcard.with_required_name(text).splitlines()
    assert [line for line in lines if line not in text.splitlines()] == added
    assert lines[-1] == "END:VCARD"


def test_an_address_is_added_once() -> None:
    text = card_text("UID:u", "EMAIL:Anna@Example.com")
    assert vcard.with_address(text, "anna@example.com") == text
    assert vcard.with_address(text, "a@example.com") == card_text(
        "UID:u", "EMAIL:Anna@Example.com", "EMAIL;TYPE=INTERNET:a@example.com"
    )


def test_members_join_in_the_form_of_the_group() -> None:
    apple = group_text("X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:a")
    assert group_vcard.with_members(apple, ["b", "a", "b"]) == group_text(
        "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:a", "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:b"
    )
    v4 = ("UID:g", "FN:Feed", "KIND:group")
    assert group_vcard.with_members(card_text(*v4, version="4.0"), ["b"]) == card_text(
        *v4, "MEMBER:urn:uuid:b", version="4.0"
    )


def test_members_leave_in_every_form() -> None:
    quoted = 'X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:"urn:uui\r\n d:a"'
    group = group_text(quoted, "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:b", "X-ADDRESSBOOKSERVER-MEMBER:a")
    assert group_vcard.without_members(group, ["a", "nobody"]) == group_text("X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:b")


# --- what somebody added


@pytest.mark.parametrize("fields", [Fields("Shop", organization="Shop"), Fields("Ann Lee", given="Ann", family="Lee")])
def test_a_new_card_has_nothing_that_somebody_added(fields: Fields) -> None:
    text = vcard.new_card(NewCard("u", "ann@example.org", fields, NOTE))
    administrative = ("PRODID:-//x", "REV:20260305T120000Z", "CREATED:20260305T120000Z", "X-ADDRESSBOOKSERVER-KIND:ORG")
    assert vcard.extras(text) == frozenset()
    assert vcard.extras(text.replace("END:VCARD", "\r\n".join((*administrative, "END:VCARD")))) == frozenset()


@pytest.mark.parametrize(
    ("line", "extra"),
    [
        ("TEL:1", "TEL"),
        ("item1.X-ABLABEL:Work", "X-ABLABEL"),
        ("EMAIL:other@example.org", "EMAIL"),
        ("item1.EMAIL:other@example.org", "EMAIL"),
        ("N:Lee;Ann;;Dr.;", "N"),
        ("N:Lee;Ann;Bea;;", "N"),
        ("ORG:Lee;Sales", "ORG"),
    ],
)
def test_what_somebody_added_is_named(line: str, extra: str) -> None:
    assert vcard.extras(card_text("UID:u", "FN:Ann", "EMAIL:ann@example.org", f"NOTE:{NOTE[:9]}", line)) == {extra}


# --- lines that nobody could read


ODD_LINES = (
    'ADR;X-ADDRESS=Road \\"Mill\\":;;Road;;;;',
    'ADR;LABEL=The "Mill":;;The Mill;;;;',
    "X-A.B:1",
    "item1.X-A.B.C;D=e:1",
    'TEL;TYPE="work:+49 1',
    "ADR;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:;;=65=66=\r\n=31=37=\r\n =30;;;;",
    "TEL;Quoted-Printable;LABEL=a:=\r\n=31",
)


@pytest.mark.parametrize("line", ODD_LINES)
def test_a_malformed_line_that_is_not_used_stays_as_it_is(line: str) -> None:
    text = card_text("UID:u", "FN:Ann", line, "EMAIL:ann@example.org")
    read = vcard.read("ref", text)
    assert isinstance(read, Card)
    assert read.fields.full_name == "Ann"
    assert read.addresses == {"ann@example.org"}
    assert f"\r\n{line}\r\n" in vcard.completed(text, Fields(organization="Shop"), "note")
    assert vcard.extras(text) & {"ADR", "TEL", "B", "C"}


@pytest.mark.parametrize("line", ['EMAIL;LABEL=The "Mill":ann@example.org', 'NOTE;X="a":b', 'item1.N;X=a"b":Lee;Ann'])
def test_a_malformed_line_that_is_used_makes_a_card_unreadable(line: str) -> None:
    text = card_text("UID:u", line if '"a"' not in line else 'NOTE;X=a"a":b')
    assert isinstance(vcard.read("ref", text), Unreadable)


def test_a_byte_order_mark_is_read_over_and_stays() -> None:
    text = "\ufeff" + card_text("UID:u", "EMAIL:ann@example.org")
    read = vcard.read("ref", text)
    assert isinstance(read, Card)
    assert vcard.completed(text, Fields(), "note").startswith("\ufeffBEGIN:VCARD\r\n")


class TestVeryMuch:
    """The parse of 40,000 lines took 0.3 s, and a card was parsed several times before anything else ran."""

    @pytest.mark.parametrize("line", always(1, ["X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:a", "NOTE:a", "X-A:a"]))
    def test_a_card_of_too_many_lines_is_unreadable_and_its_addresses_known(self, line: str) -> None:
        few, many = ["UID:u", "EMAIL:ann@example.org"], [line] * content_lines.MOST_LINES
        read = vcard.read("ref", card_text(*few, *many))
        assert isinstance(read, Unreadable)
        assert read.reason == "it has more than 15,000 lines"
        assert read.addresses == {"ann@example.org"}

    def test_one_that_may_just_be_is_read_and_edited(self) -> None:
        members = [f"X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:{n}" for n in range(content_lines.MOST_LINES - 6)]
        assert len(read_group(group_vcard.with_members(group_text(*members[1:]), ["a"])).members) == len(members)
        with pytest.raises(content_lines.NotAVCard):
            content_lines.parse(group_vcard.with_members(group_text(*members, members[0]), ["a"]))

    def test_one_whose_lines_are_endless_is_unreadable_unless_nobody_uses_them(self) -> None:
        lines = ["UID:u", "EMAIL:ann@example.org", f"PHOTO:{'A' * 2_000_000}"]
        assert read_card(card_text(*lines)).addresses == {"ann@example.org"}
        read = vcard.read("ref", card_text(*lines, f"NOTE:{'A' * 1_000_000}", f"ORG:{'A' * 1_000_000}"))
        assert isinstance(read, Unreadable)
        assert read.reason == "it has more than 1,500,000 characters beside photos and the like"

    def test_one_of_nothing_but_folds_is_unreadable(self) -> None:
        read = vcard.read("ref", card_text("UID:u", "EMAIL:ann@example.org", "PHOTO:A" + "\r\n " * 300_001))
        assert isinstance(read, Unreadable)
        assert read.reason == "it has more than 15,000 lines, or 300,000 with those that are folded"
        assert read.addresses == {"ann@example.org"}

    def test_a_folded_line_is_one(self) -> None:
        photo = "PHOTO:AAAA" + "\r\n AAAA" * content_lines.MOST_LINES
        assert read_card(card_text("UID:u", "EMAIL:ann@example.org", photo)).uid == "u"

    @pytest.mark.parametrize("lines", [["NOTE:a"] * (MOST + 1), ["NOTE:" + "\\n" * LONGEST, "NOTE:a"]])
    def test_a_card_of_too_long_notes_is_unreadable(self, lines: list[str]) -> None:
        read = vcard.read("ref", card_text("UID:u", "EMAIL:ann@example.org", *lines))
        assert isinstance(read, Unreadable)
        assert read.reason == "its notes are too long: make them at most 100,000 characters in 5,000 notes"
        assert read.addresses == {"ann@example.org"}
        assert len(read_card(card_text("UID:u", *lines[1:])).note) <= LONGEST


def test_addresses_are_read_through_what_apps_put_around_them() -> None:
    text = card_text("UID:u", "EMAIL:Ann <ann@x.org>", "EMAIL:mailto:bob@x.org", "EMAIL:c@x.org\\;D@x.org")
    read = vcard.read("ref", text)
    assert isinstance(read, Card)
    assert read.addresses == {"ann@x.org", "bob@x.org", "c@x.org", "d@x.org"}
    assert vcard.with_address(text, "d@x.org") == text


def test_a_member_that_is_named_twice_is_written_once_and_only_if_the_group_is_written() -> None:
    twice = [f"X-ADDRESSBOOKSERVER-MEMBER:{uid}" for uid in ("urn:uuid:a", "urn:uuid:b", "a", "urn:uuid:b")]
    group = group_text(*twice)
    assert group_vcard.with_members(group, ["b"]) == group_vcard.without_members(group, ["c"]) == group
    once = [f"X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:{uid}" for uid in ("a", "b", "c")]
    assert group_vcard.with_members(group, ["c"]) == group_text(*once)
    assert group_vcard.without_members(group, ["a"]) == group_text(once[1])
