"""Contact groups as vCards, made and edited as text (pure)."""

from collections.abc import Iterable

from mailroom.contacts.content_lines import EMPTY, MEMBERS, VCard, components, escaped, parse
from mailroom.contacts.vcard import member_uid


def new_group(uid: str, name: str) -> str:
    """The text of a contact group without members, in the form of Apple, Fastmail and Cyrus."""
    names = (("UID", escaped(uid)), ("FN", escaped(name)), ("N", components(name, "", "", "", "")))
    return EMPTY.added(*names, ("X-ADDRESSBOOKSERVER-KIND", "group")).text


def with_members(text: str, uids: Iterable[str]) -> str:
    """The group with these members too, in the form that the group uses already. Raises `NotAVCard`."""
    vcard = parse(text)
    present = set(map(member_uid, vcard.all(*MEMBERS)))
    form = "X-ADDRESSBOOKSERVER-MEMBER" if vcard.all("X-ADDRESSBOOKSERVER-KIND") else "MEMBER"
    missing = [uid for uid in dict.fromkeys(uids) if uid not in present]
    if not missing:
        return text
    return _once(vcard).added(*((form, f"urn:uuid:{escaped(uid)}") for uid in missing)).text


def without_members(text: str, uids: Iterable[str]) -> str:
    """The group without these members. Raises `NotAVCard`."""
    vcard = parse(text)
    leaving = set(uids)
    gone = {id(line): None for line in vcard.all(*MEMBERS) if member_uid(line) in leaving}
    return _once(vcard.rewritten(gone)).text if gone else text


def _once(group: VCard) -> VCard:
    """Each member once: sabre/dav refuses to store a group that names one twice."""
    uids = {id(line): member_uid(line) for line in group.all(*MEMBERS)}
    first = {uid: line for line, uid in reversed(uids.items())}
    return group.rewritten({line: None for line, uid in uids.items() if first[uid] != line})
