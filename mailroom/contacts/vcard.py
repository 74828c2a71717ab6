"""Contact cards as vCards 3.0 and 4.0 (RFC 2426, RFC 6350), read and edited as text (pure).

vobject isn't used: it re-escapes what it doesn't know, and hangs on a malformed line of parameters.
"""

import quopri
import re
from collections.abc import Callable

from mailroom.addresses import addresses_in, canonical
from mailroom.contacts import joined_notes as notes
from mailroom.contacts.base import Card, Fields, Group, NewCard, Unreadable
from mailroom.contacts.content_lines import (
    ADMINISTRATIVE,
    EMPTY,
    KINDS,
    MEMBERS,
    WRITTEN,
    Line,
    NotAVCard,
    VCard,
    clean,
    components,
    escaped,
    parse,
    split_components,
    unescaped,
    unfolded,
)
from mailroom.contacts.uids import bare_uid

# It begins where a word does: tried from each character on, a photo in base64 would take hours.
_ADDRESS = re.compile(r"(?<![^\s<>,;:\"\\=])[^\s<>,;:\"\\=]+@[^\s<>,;:\"\\=]+")

_MOST_LOOKED_AT = 500_000
"""Characters of a card that can't be read."""

_VERSIONS_WITH_N = ("2.1", "3.0")
_SAYS_GROUP = re.compile(r"^(?:[\w-]+\.)?(?:X-ADDRESSBOOKSERVER-)?KIND[^:\n]*:\s*group\s*$", re.I | re.M)
_FN = re.compile(r"^(?:[\w-]+\.)?FN([^:\n]*):([^\r\n]*)", re.I | re.M)


def read(ref: str, text: str) -> Card | Group | Unreadable:
    """What triage needs of a vCard."""
    try:
        vcard = parse(text)
        if not (uid := bare_uid(unescaped(vcard.value("UID")))):
            raise NotAVCard("it has no UID")
        note = notes.read([unescaped(line.value) for line in vcard.all("NOTE")])
    except (NotAVCard, notes.TooLong) as reason:
        return Unreadable(ref, str(reason), mentioned(text), _group_name(text[:_MOST_LOOKED_AT]))
    if is_group(vcard):
        return Group(ref, uid, unescaped(vcard.value("FN")), frozenset(map(member_uid, vcard.all(*MEMBERS))))
    age = re.sub("[-:]", "", vcard.value("CREATED") or vcard.value("REV"))
    return Card(ref, uid, _fields(vcard), _addresses(vcard), note, age)


def mentioned(text: str) -> frozenset[str]:
    """Whatever looks like an address in the text of a card that can't be read; of an endless one, in its beginning."""
    return frozenset(filter(None, map(canonical, _ADDRESS.findall(unfolded(text[:_MOST_LOOKED_AT])))))


def extras(text: str) -> frozenset[str]:
    """The names of the properties that a card has beyond those of `new_card` and those that servers add.

    A property that is written once counts if there are two; an address counts whatever its type. Raises `NotAVCard`.
    """
    vcard = parse(text)
    names = [line.name for line in vcard.lines if line.name]
    found = {name for name in names if name not in WRITTEN | ADMINISTRATIVE}
    found |= {name for name in WRITTEN if name != "NOTE" and names.count(name) > 1}
    more = {"N": split_components(vcard.value("N"))[2:], "ORG": split_components(vcard.value("ORG"))[1:]}
    return frozenset(found | {name for name, parts in more.items() if not all(map(_is_blank, parts))})


def _group_name(text: str) -> str | None:
    """The name of what seems to be a group in a text that is no vCard; None for no group."""
    lines = unfolded(text)
    if not _SAYS_GROUP.search(lines):
        return None
    name = _FN.search(lines)
    if name is None:
        return ""
    value = name[2]
    if "QUOTED-PRINTABLE" in name[1].upper():
        value = quopri.decodestring(value.encode()).decode(errors="replace")
    return unescaped(value).strip()


def is_group(vcard: VCard) -> bool:
    return any(line.value.strip().lower() == "group" for line in vcard.all(*KINDS))


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
    vcard = vcard.rewritten({id(line): kind for line in vcard.all(*KINDS)})
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
    if not address or address in _addresses(vcard):
        return text
    return vcard.added(("EMAIL;TYPE=INTERNET", escaped(address))).text


def member_uid(line: Line) -> str:
    """The bare uid that a line of a group names."""
    return bare_uid(unescaped(line.value))


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


def _with_note(vcard: VCard, note: str) -> VCard:
    """The card whose notes, joined, read `note`; of several NOTE lines only those that differ are rewritten."""
    lines = vcard.all("NOTE")
    if not lines:
        return vcard.added(("NOTE", escaped(note))) if note else vcard
    texts = [unescaped(line.value) for line in lines]
    revised = zip(lines, texts, notes.revised(texts, note), strict=True)
    return vcard.rewritten({id(line): new and escaped(new) for line, old, new in revised if new != old})
