"""Mail addresses and display names in canonical form, so that one sender in two spellings is one sender (pure)."""

import re
import unicodedata

import idna

_NEEDS_NO_QUOTES = re.compile(r"[^\s\"(),:;<>@\[\]\\\x00-\x1f\x7f]+")
_NOT_IN_A_DOMAIN = re.compile(r"[\s\x00-\x1f\x7f<>(),;:@\"\\]")
_LONGEST_NAME = 200
# Mail servers take 256 octets (RFC 5321 §4.5.3.1.3). Normalizing takes time by the square of the length.
_LONGEST_ADDRESS = 1_000
_LONGEST_TO_NORMALIZE = 1_000

_NOT_TEXT = frozenset({"Cc", "Cs"})  # control characters, and halves of surrogate pairs, which no UTF-8 can hold


def canonical(address: str) -> str | None:
    """The address in lower case, its local part in quotes only where it needs them, its domain in ASCII (RFC 5890).

    Lower case and not case-folded: a server's search for `strasse` doesn't find `straße`.
    None for what is no usable address: no `@`, an empty part, control characters, lone surrogates, endless.
    """
    address = address.strip()
    if len(address) > _LONGEST_ADDRESS:
        return None
    local, _, domain = address.rpartition("@")
    local, domain = unicodedata.normalize("NFC", _requoted(local).lower()), _ascii(domain)
    if not (local and domain) or any(unicodedata.category(character) in _NOT_TEXT for character in local):
        return None
    found = f"{local}@{domain}"
    # Lower case may be longer.
    return found if len(found) <= _LONGEST_ADDRESS else None


def canonical_list_id(text: str) -> str:
    """The List-Id of a header field or of what a user wrote, in lower case (RFC 2919 §6); empty if there is none."""
    _, bracket, id = text.rpartition("<")
    id = (id.partition(">")[0] if bracket else id).strip().rstrip(".").lower()
    return id if id.isprintable() and not set(id) & set(' ">') else ""


def spellings(address: str) -> tuple[str, ...]:
    """How a canonical address may be spelled: its domain in ASCII, and in Unicode where that differs."""
    local, _, domain = address.rpartition("@")
    if "xn--" not in domain:
        return (address,)
    try:
        unicode = f"{local}@{idna.decode(domain)}"
    except idna.IDNAError:
        return (address,)
    # A label that is too long for the DNS is decoded, and not encoded again.
    return (address, unicode) if unicode != address and canonical(unicode) == address else (address,)


def search_texts(address: str) -> tuple[str, ...]:
    """What to search From headers for: finds every mail of the address, and others.

    A quoted local part is asked for without its quotes and alone: seen on Cyrus, the quoted form finds nothing in
    a header search. An empty one would find every mail, so it stays quoted.
    """
    local, _, _ = address.rpartition("@")
    unquoted = _unescaped(local) if local.startswith('"') else ""
    return (unquoted,) if unquoted else spellings(address)


def display_name(name: str | None) -> str:
    """A display name as clean text: no control characters, single spaces, at most 200 characters.

    Empty for none, and for a name that is itself an address: that says nothing about who writes.
    """
    spaces = _NOT_TEXT | {"Zl", "Zp"}
    visible = "".join(" " if unicodedata.category(each) in spaces else each for each in name or "")
    short = " ".join(visible.split())[:_LONGEST_TO_NORMALIZE]
    text = unicodedata.normalize("NFC", short).strip("\"' ")
    cut = text[:_LONGEST_NAME].rstrip("\"' ")
    return "" if any(canonical(each) and " " not in each for each in (text, cut)) else cut


def _requoted(local: str) -> str:
    """The local part without quotes if it means the same without them (RFC 5322 §3.2.4), else with the fewest escapes.

    Seen on Cyrus: the server leaves needed quotes out.
    """
    is_quoted = len(local) >= 2 and local[0] == local[-1] == '"'
    inner = _unescaped(local) if is_quoted else local
    dots_alone = not (inner.startswith(".") or inner.endswith(".") or ".." in inner)
    if _NEEDS_NO_QUOTES.fullmatch(inner) and (dots_alone or not is_quoted):
        return inner
    return '"' + re.sub(r'(["\\])', r"\\\1", inner) + '"' if inner or is_quoted else ""


def _unescaped(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted[1:-1])


def _ascii(domain: str) -> str:
    """The domain's A-labels, or an empty string if it is no domain name."""
    lower = domain.strip().rstrip(".").lower()
    if not lower or _NOT_IN_A_DOMAIN.search(lower):
        return ""
    if lower.isascii():
        return lower
    try:
        # UTS 46 makes an ideographic full stop a dot, at the end, too.
        return idna.encode(lower, uts46=True).decode("ascii").rstrip(".")
    except idna.IDNAError:
        return ""
