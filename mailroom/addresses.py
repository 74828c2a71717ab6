"""Mail addresses in canonical form, so that one sender in two spellings is one sender (pure)."""

import re

import idna

_NEEDS_NO_QUOTES = re.compile(r"[^\s\"(),:;<>@\[\]\\\x00-\x1f\x7f]+")


def canonical(address: str) -> str | None:
    """The address with its local part unquoted where quotes aren't needed, case-folded, domain in ASCII (RFC 5890).

    None for what is no usable address: no `@`, an empty part, control characters.
    """
    local, at, domain = address.strip().rpartition("@")
    local, domain = _unquoted(local).casefold(), _ascii(domain)
    if not (at and local and domain) or any(ord(character) < 32 or ord(character) == 127 for character in local):
        return None
    return f"{local}@{domain}"


def spellings(address: str) -> tuple[str, ...]:
    """How a canonical address may stand in a header: its domain in ASCII, and in Unicode where that differs."""
    local, _, domain = address.rpartition("@")
    try:
        unicode_domain = idna.decode(domain)
    except idna.IDNAError:
        return (address,)
    return (address,) if unicode_domain == domain else (address, f"{local}@{unicode_domain}")


def _unquoted(local: str) -> str:
    if len(local) < 2 or not (local[0] == local[-1] == '"'):
        return local
    inner = re.sub(r"\\(.)", r"\1", local[1:-1])
    dotted = not (inner.startswith(".") or inner.endswith(".") or ".." in inner)
    return inner if dotted and _NEEDS_NO_QUOTES.fullmatch(inner) else local


def _ascii(domain: str) -> str:
    """The domain's A-labels, or an empty string if it is no domain name. Plain ASCII names pass as they are."""
    lower = domain.strip().rstrip(".").lower()
    if not lower or re.search(r"[\s\x00-\x1f\x7f<>(),;:@\"]", lower):
        return ""
    if lower.isascii():
        return lower
    try:
        return idna.encode(lower, uts46=True).decode("ascii")
    except idna.IDNAError:
        return ""
