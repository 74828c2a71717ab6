"""vCards 3.0 and 4.0 (RFC 2426, RFC 6350), read and edited as text (pure).

An edit replaces or adds single content lines; every other one stays byte for byte, folds and line ends included.
vobject isn't used: it re-escapes what it doesn't know, and hangs on a malformed line of parameters.
"""

import quopri
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mailroom.addresses import addresses_in, canonical
from mailroom.contacts import joined_notes as notes
from mailroom.contacts.base import Card, Fields, Group, NewCard, Unreadable
from mailroom.contacts.uids import bare_uid

# RFC 6350 §3.3. Each repetition can only go on in one way, so that no line, however odd, takes more than one look.
_PARAMETER = r';[A-Za-z0-9_-]+(?:[=,](?:"[^"]*"|[^";:,=]*))*+'
_CONTENT_LINE = re.compile(rf"(?:[A-Za-z0-9_-]+\.)?([A-Za-z0-9_-]+);?(?:{_PARAMETER})*+:(.*)", re.DOTALL)
# With a colon somewhere: without one it may be the rest of the line before it, badly folded.
_BEGINNING = re.compile(r"(?:[A-Za-z0-9_-]++\.)*+([A-Za-z0-9_-]++)(?:;[^:]*+)?+:")
_QUOTED_PRINTABLE = r"(?=[^\n:]*:)[^\n:]*;(?:ENCODING=)?QUOTED-PRINTABLE\b[^\n:]*:"
# Quoted-printable is of vCard 2.1, and in many a card that says 3.0: there `=` at the end goes on without a space.
_LOGICAL_LINE = re.compile(rf"(?:{_QUOTED_PRINTABLE}(?:[^\n]*=\r?\n)*+)?[^\n]*(?:\n[ \t][^\n]*)*\n?", re.IGNORECASE)
_FOLD = re.compile(r"\r?\n[ \t]")
_MAX_LINE_OCTETS = 75

# What neither a vCard (RFC 6350 §3.3) nor XML 1.0 can carry; a newline is written as \n.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")

# It begins where a word does: tried from each character on, a photo in base64 would take hours.
_ADDRESS = re.compile(r"(?<![^\s<>,;:\"\\=])[^\s<>,;:\"\\=]+@[^\s<>,;:\"\\=]+")

_WRITTEN = frozenset({"FN", "N", "ORG", "EMAIL", "NOTE", "X-ABSHOWAS"})
_VERSIONS_WITH_N = ("2.1", "3.0")
_KINDS = ("X-ADDRESSBOOKSERVER-KIND", "KIND")
_ADMINISTRATIVE = frozenset({"BEGIN", "END", "VERSION", "UID", "REV", "PRODID", "CREATED", *_KINDS})
MEMBERS = ("X-ADDRESSBOOKSERVER-MEMBER", "MEMBER")
_USED = _WRITTEN | _ADMINISTRATIVE | frozenset(MEMBERS)
_SAYS_GROUP = re.compile(r"^(?:[\w-]+\.)?(?:X-ADDRESSBOOKSERVER-)?KIND[^:\n]*:\s*group\s*$", re.I | re.M)
_FN = re.compile(r"^(?:[\w-]+\.)?FN([^:\n]*):([^\r\n]*)", re.I | re.M)


class NotAVCard(ValueError):
    """A text that is no vCard; the message says why and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A content line: `raw` as it stands, `head` and `value` unfolded and still escaped, `name` in upper case.

    A blank line has no name, and a malformed one that Mailroom doesn't use neither head nor value.
    """

    raw: str
    name: str = ""
    head: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class VCard:
    """The lines of one vCard, BEGIN and END included."""

    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        return "".join(line.raw for line in self.lines)

    def all(self, *names: str) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.name in names)

    def value(self, name: str) -> str:
        """The escaped value of the first such line, or an empty string."""
        return next((line.value for line in self.all(name)), "")

    def rewritten(self, values: Mapping[int, str | None]) -> "VCard":
        """With these (escaped) values in lines by `id`, whose names and parameters stay; a line without one goes."""
        new = ((line, values.get(id(line), line.value)) for line in self.lines)
        lines = (
            line if value == line.value else self._line(line.head, value) for line, value in new if value is not None
        )
        return VCard(tuple(lines))

    def added(self, *contents: tuple[str, str]) -> "VCard":
        """With a line for each name and (escaped) value at the end."""
        new = tuple(self._line(name, value) for name, value in contents)
        end = max(index for index, line in enumerate(self.lines) if line.name == "END")
        return VCard((*self.lines[:end], *new, *self.lines[end:]))

    def _line(self, head: str, value: str) -> Line:
        line_end = "\r\n" if self.lines[0].raw.endswith("\r\n") else "\n"
        return _parse_line(_folded(f"{head}:{value}", line_end))


def parse(text: str) -> VCard:
    """Read exactly one vCard. Raises `NotAVCard`."""
    lines: list[Line] = []
    for number, raw in enumerate(filter(None, _LOGICAL_LINE.findall(text)), start=1):
        try:
            lines.append(_parse_line(raw))
        except NotAVCard:
            raise NotAVCard(f"its content line {number} is malformed") from None
    named = [(line.name, line.value.strip().upper()) for line in lines if line.name]
    if len(named) < 2 or named[0] != ("BEGIN", "VCARD") or named[-1] != ("END", "VCARD"):
        raise NotAVCard("it doesn't run from BEGIN:VCARD to END:VCARD")
    if any(name in ("BEGIN", "END") for name, _ in named[1:-1]):
        raise NotAVCard("it holds more than one card")
    if any("QUOTED-PRINTABLE" in line.head.upper() for line in lines if line.name in _USED):
        raise NotAVCard("it is quoted-printable, which only vCard 2.1 allows: save it again in an address book app")
    return VCard(tuple(lines))


def read(ref: str, text: str) -> Card | Group | Unreadable:
    """What triage needs of a vCard."""
    try:
        vcard = parse(text)
        if not (uid := bare_uid(unescaped(vcard.value("UID")))):
            raise NotAVCard("it has no UID")
    except NotAVCard as reason:
        return Unreadable(ref, str(reason), mentioned(text), _group_name(text))
    if is_group(vcard):
        return Group(ref, uid, unescaped(vcard.value("FN")), frozenset(map(member_uid, vcard.all(*MEMBERS))))
    age = re.sub("[-:]", "", vcard.value("CREATED") or vcard.value("REV"))
    return Card(ref, uid, _fields(vcard), _addresses(vcard), _note(vcard), age)


def mentioned(text: str) -> frozenset[str]:
    """Whatever looks like an address in the text of a card that can't be read."""
    return frozenset(filter(None, map(canonical, _ADDRESS.findall(_FOLD.sub("", text)))))


def extras(text: str) -> frozenset[str]:
    """The names of the properties that a card has beyond those of `new_card` and those that servers add.

    A property that is written once counts if there are two; an address counts whatever its type. Raises `NotAVCard`.
    """
    vcard = parse(text)
    names = [line.name for line in vcard.lines if line.name]
    found = {name for name in names if name not in _WRITTEN | _ADMINISTRATIVE}
    found |= {name for name in _WRITTEN if name != "NOTE" and names.count(name) > 1}
    more = {"N": split_components(vcard.value("N"))[2:], "ORG": split_components(vcard.value("ORG"))[1:]}
    return frozenset(found | {name for name, parts in more.items() if not all(map(_is_blank, parts))})


def _group_name(text: str) -> str | None:
    """The name of what seems to be a group in a text that is no vCard; None for no group."""
    unfolded = _FOLD.sub("", text)
    if not _SAYS_GROUP.search(unfolded):
        return None
    name = _FN.search(unfolded)
    if name is None:
        return ""
    value = name[2]
    if "QUOTED-PRINTABLE" in name[1].upper():
        value = quopri.decodestring(value.encode()).decode(errors="replace")
    return unescaped(value).strip()


def is_group(vcard: VCard) -> bool:
    return any(line.value.strip().lower() == "group" for line in vcard.all(*_KINDS))


def new_card(card: NewCard) -> str:
    """The text of a card that doesn't exist yet: vCard 3.0, which every CardDAV server takes (RFC 6352 §5.1)."""
    fields = card.fields
    contents = [
        ("UID", escaped(card.uid)),
        ("FN", escaped(fields.full_name)),
        *_kind_lines(fields),
        ("EMAIL;TYPE=INTERNET", escaped(card.address)),
        ("NOTE", escaped(card.note)),
    ]
    return EMPTY.added(*((name, value) for name, value in contents if value or name == "FN")).text


def completed(text: str, fill: Fields, note: str) -> str:
    """The card with `fill` in those fields that are empty, and `note` as the text of its notes.

    Half of a name stays as it is: a family name from elsewhere may not fit it. Raises `NotAVCard`.
    """
    vcard = parse(text)
    vcard = _filled(vcard, "FN", escaped(fill.full_name), _is_blank)
    vcard = _filled(vcard, "ORG", escaped(fill.organization), _is_blank)
    if fill.family or fill.given:
        others = split_components(vcard.value("N"))[2:] or ("", "", "")
        name = ";".join((escaped(fill.family), escaped(fill.given), *others))
        vcard = _filled(vcard, "N", name, _names_nobody)
    return _with_note(vcard, clean(note)).text


def recast(text: str, fields: Fields) -> str:
    """The card with these fields in place of those it has: a person's, or a company's. Raises `NotAVCard`.

    Where somebody added to them (a department, a title) it stays as it is.
    """
    vcard = parse(text)
    lines = _kind_lines(fields)
    if extras(text) & {"FN", *(name for name, _ in lines)}:
        return text
    for name, value in lines:
        there = vcard.all(name)
        if there:
            vcard = vcard.rewritten({id(there[0]): value} if value else {id(line): None for line in there})
        elif value:
            vcard = vcard.added((name, value))
    kind = "org" if _is_company(fields) else "individual"
    vcard = vcard.rewritten({id(line): kind for line in vcard.all(*_KINDS)})
    return vcard.text


def _kind_lines(fields: Fields) -> tuple[tuple[str, str], ...]:
    """What tells a company from a person; empty values where a card has no such line."""
    return (
        ("N", components(fields.family, fields.given, "", "", "")),
        ("ORG", escaped(fields.organization)),
        ("X-ABSHOWAS", "COMPANY" if _is_company(fields) else ""),
    )


def _is_company(fields: Fields) -> bool:
    return bool(fields.organization) and not (fields.given or fields.family)


def with_required_name(text: str) -> str:
    """The card with an N, without which none is valid (RFC 2426 §3.1.2), but from vCard 4.0 on. Raises `NotAVCard`.

    Cyrus hands a vCard 4.0 out as a 3.0, and refuses that when it comes back.
    """
    vcard = parse(text)
    if vcard.all("N") or vcard.value("VERSION").strip() not in _VERSIONS_WITH_N:
        return text
    return vcard.added(("N", components("", "", "", "", ""))).text


def with_address(text: str, address: str) -> str:
    """The card with this address among its addresses. Raises `NotAVCard`."""
    vcard = parse(text)
    if address in _addresses(vcard):
        return text
    return vcard.added(("EMAIL;TYPE=INTERNET", escaped(address))).text


def clean(text: str) -> str:
    """The text as a vCard can hold it: newlines as LF, without control characters other than newline and tab."""
    return _FORBIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def escaped(text: str) -> str:
    """A text value (RFC 6350 §3.4)."""
    return re.sub(r"([\\,;])", r"\\\1", clean(text)).replace("\n", "\\n")


def unescaped(value: str) -> str:
    """The clean text of a text value. A backslash before any other character is dropped, as Apple's `\\:` wants it."""
    return clean(re.sub(r"\\(.)", lambda match: "\n" if match[1] in "nN" else match[1], value))


def split_components(value: str) -> tuple[str, ...]:
    """The components of a structured value such as N and ORG, still escaped."""
    return tuple(re.findall(r"(?:\A|;)((?:[^;\\]|\\.|\\\Z)*)", value))


def member_uid(line: Line) -> str:
    """The bare uid that a line of a group names."""
    return bare_uid(unescaped(line.value))


def _parse_line(raw: str) -> Line:
    if not (content := _FOLD.sub("", raw).rstrip("\r\n").removeprefix("\ufeff")):
        return Line(raw)
    if found := _CONTENT_LINE.fullmatch(content):
        return Line(raw, _name(found), content[: found.start(2) - 1], found[2])
    if (found := _BEGINNING.match(content)) and _name(found) not in _USED:
        return Line(raw, _name(found))
    raise NotAVCard("a content line is malformed")


def _name(found: re.Match[str]) -> str:
    return found[1].replace("_", "-").upper()  # Lotus Notes writes X_PROPERTY


def _folded(content: str, line_end: str) -> str:
    """The content line in pieces of at most 75 octets, no character split (RFC 6350 §3.2)."""
    pieces, piece, octets = [], "", 0
    for character in content:
        size = len(character.encode())
        if octets + size > _MAX_LINE_OCTETS:
            pieces.append(piece)
            piece, octets = " ", 1
        piece += character
        octets += size
    return line_end.join([*pieces, piece]) + line_end


def components(*texts: str) -> str:
    return ";".join(map(escaped, texts))


def _addresses(vcard: VCard) -> frozenset[str]:
    return frozenset(found for line in vcard.all("EMAIL") for found in addresses_in(unescaped(line.value)))


def _fields(vcard: VCard) -> Fields:
    family, given = (*map(unescaped, split_components(vcard.value("N"))), "", "")[:2]
    organization = next(map(unescaped, split_components(vcard.value("ORG"))), "")
    return Fields(unescaped(vcard.value("FN")), organization, given, family)


def _is_blank(value: str) -> bool:
    return not unescaped(value).strip("; \t")


def _names_nobody(value: str) -> bool:
    return all(map(_is_blank, split_components(value)[:2]))


def _filled(vcard: VCard, name: str, value: str, is_empty: Callable[[str], bool]) -> VCard:
    if not value or not is_empty(vcard.value(name)):
        return vcard
    lines = vcard.all(name)
    return vcard.rewritten({id(lines[0]): value}) if lines else vcard.added((name, value))


def _note(vcard: VCard) -> str:
    return notes.joined([unescaped(line.value) for line in vcard.all("NOTE")])


def _with_note(vcard: VCard, note: str) -> VCard:
    """The card whose notes, joined, read `note`; of several NOTE lines only those that differ are rewritten."""
    lines = vcard.all("NOTE")
    if not lines:
        return vcard.added(("NOTE", escaped(note))) if note else vcard
    texts = [unescaped(line.value) for line in lines]
    revised = zip(lines, texts, notes.revised(texts, note), strict=True)
    return vcard.rewritten({id(line): new and escaped(new) for line, old, new in revised if new != old})


EMPTY = parse("BEGIN:VCARD\r\nVERSION:3.0\r\nEND:VCARD\r\n")
