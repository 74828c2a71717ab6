"""Mail addresses in canonical form, so that one sender in two spellings is one sender (pure)."""

import ipaddress
import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote

import idna

_NEEDS_NO_QUOTES = re.compile(r"[^\s\"(),:;<>@\[\]\\\x00-\x1f\x7f]+")
_NOT_IN_A_DOMAIN = re.compile(r"[\s\x00-\x1f\x7f<>(),;:@\"\\]")
# Mail servers take 256 octets (RFC 5321 §4.5.3.1.3). Normalizing takes time by the square of the length.
_LONGEST_ADDRESS = 1_000

_LONGEST_VALUE = 100_000
"""Of a card, in characters. A list of addresses of 16 MB would take 10 s."""

_REMEMBERED = 2_048
"""Addresses of a pass that are made canonical once: a sender has many mails. At most 16 MB, if all are endless."""

_IPV6 = "[ipv6:"
_MAILTO = "mailto:"
_SEPARATED = re.compile(r'(?:"(?:[^"\\]|\\.?)*+(?:"|\Z)|[^;,"])++', re.DOTALL)
_BRACKETED = re.compile(r"[^<>]*<([^<>]*)>", re.DOTALL)
_INVISIBLE = frozenset({"Cf", "Cc", "Zl", "Zp"})

_NOT_TEXT = frozenset({"Cc", "Cs"})  # control characters, and halves of surrogate pairs, which no UTF-8 can hold


def canonical(address: str) -> str | None:
    """The address in lower case, its local part in quotes only where it needs them, its domain in ASCII (RFC 5890).

    Lower case and not case-folded: a server's search for `strasse` doesn't find `straße`.
    None for what is no usable address: no `@`, an empty part, control characters, lone surrogates, endless.
    """
    address = address.strip()
    # Not looked up before: a remembered text should not be endless either.
    return _canonical(address) if len(address) <= _LONGEST_ADDRESS else None


@lru_cache(_REMEMBERED)
def _canonical(address: str) -> str | None:
    local, _, domain = address.rpartition("@")
    local, domain = unicodedata.normalize("NFC", _requoted(local).lower()), _ascii(domain)
    if not (local and domain) or any(unicodedata.category(character) in _NOT_TEXT for character in local):
        return None
    found = f"{local}@{domain}"
    # Lower case may be longer.
    return found if len(found) <= _LONGEST_ADDRESS else None


def typed(address: str) -> str | None:
    """The canonical form of an address that a person typed, quotes included where it needs them: several are none."""
    found = canonical(address)
    return None if found is None or (found.startswith('"') and not address.strip().startswith('"')) else found


def domain_of(address: str) -> str:
    """The domain of a canonical address."""
    return address.rpartition("@")[2]


def is_within(domain: str, whole: str) -> bool:
    """Whether a domain is another one, or lies below it."""
    return f".{domain}".endswith(f".{whole}")


def canonical_list_id(text: str) -> str:
    """The List-Id of a header field or of what a user wrote, in lower case (RFC 2919 §6).

    Empty if there is none, or an endless one.
    """
    if len(text) > _LONGEST_ADDRESS:
        return ""
    _, bracket, id = text.rpartition("<")
    id = (id.partition(">")[0] if bracket else id).strip().rstrip(".").lower()
    return id if id.isprintable() and not set(id) & set(' ">') else ""


def addresses_in(value: str) -> frozenset[str]:
    """The canonical addresses in what a contact card has for one, which need not be a bare address.

    Seen: `Ann <ann@x.org>`, `mailto:ann@x.org`, `ann@x.org;bob@x.org`, invisible characters at the ends. Of an endless
    value the beginning counts.
    """
    value = value[:_LONGEST_VALUE]
    parts = [part for part in _SEPARATED.findall(value) if not _is_blank(part)]
    is_list = all("@" in part for part in parts)  # which `Lee, Ann <ann@x.org>` isn't
    found = (canonical(_bare(part)) for part in (parts if is_list else [value]))
    return frozenset(address for address in found if address)


def _bare(value: str) -> str:
    value = _stripped(value)
    if bracketed := _BRACKETED.fullmatch(value):
        value = _stripped(bracketed[1])
    if value[: len(_MAILTO)].lower() == _MAILTO:  # RFC 6068 §2
        value = unquote(value[len(_MAILTO) :].partition("?")[0])
    return value


def _stripped(text: str) -> str:
    """Without white space and characters that nobody sees (U+200B, a soft hyphen, marks of direction) at the ends."""
    start, stop = 0, len(text)
    while start < stop and _is_blank(text[start]):
        start += 1
    while stop > start and _is_blank(text[stop - 1]):
        stop -= 1
    return text[start:stop]


def _is_blank(text: str) -> bool:
    return all(each.isspace() or unicodedata.category(each) in _INVISIBLE for each in text)


def spellings(address: str) -> tuple[str, ...]:
    """How a canonical address may be spelled: its domain in ASCII, and in Unicode where that differs.

    A local part that has quotes by the standard and none in canonical form is in both.
    """
    local, _, domain = address.rpartition("@")
    quoted = (f'"{local}"',) if _has_odd_dots(local) and not local.startswith('"') else ()
    return tuple(f"{each}@{spelled}" for each in (local, *quoted) for spelled in _domain_spellings(domain))


def _domain_spellings(domain: str) -> tuple[str, ...]:
    if "xn--" not in domain:
        return (domain,)
    try:
        unicode = idna.decode(domain)
    except idna.IDNAError:
        return (domain,)
    # A label that is too long for the DNS is decoded, and not encoded again.
    return (domain, unicode) if unicode != domain and _ascii(unicode) == domain else (domain,)


def search_texts(address: str) -> tuple[str, ...]:
    """What to search From headers for: finds every mail of the address, and others.

    A quoted local part is asked for without its quotes and alone: seen on Cyrus, the quoted form finds nothing in
    a header search. An empty one would find every mail, so it stays quoted.
    """
    local, _, _ = address.rpartition("@")
    unquoted = _unescaped(local) if local.startswith('"') else local if _has_odd_dots(local) else ""
    return (unquoted,) if unquoted.strip(".") else spellings(address)


def _requoted(local: str) -> str:
    """The local part without quotes if it means the same without them (RFC 5322 §3.2.4), else with the fewest escapes.

    Seen on Cyrus: the server leaves needed quotes out. Dots alone get none: phone companies gave out `a..b@`, which is
    written either way.
    """
    is_quoted = len(local) >= 2 and local[0] == local[-1] == '"'
    inner = _unescaped(local) if is_quoted else local
    if _NEEDS_NO_QUOTES.fullmatch(inner):
        return inner
    return '"' + re.sub(r'(["\\])', r"\\\1", inner) + '"' if inner or is_quoted else ""


def _has_odd_dots(local: str) -> bool:
    return local.startswith(".") or local.endswith(".") or ".." in local


def _unescaped(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted[1:-1])


def _ascii(domain: str) -> str:
    """The domain's A-labels or its literal (RFC 5321 §4.1.3), or an empty string if it is neither."""
    lower = domain.strip().rstrip(".").lower()
    if lower.startswith(_IPV6) and lower.endswith("]"):
        return lower if _is_ipv6(lower[len(_IPV6) : -1]) else ""
    if not lower or _NOT_IN_A_DOMAIN.search(lower):
        return ""
    if lower.isascii():
        return lower
    try:
        # UTS 46 makes an ideographic full stop a dot, at the end, too.
        return idna.encode(lower, uts46=True).decode("ascii").rstrip(".")
    except idna.IDNAError:
        return ""


def _is_ipv6(text: str) -> bool:
    try:
        return not ipaddress.IPv6Address(text).scope_id
    except ValueError:
        return False
