"""Names of people and companies, as mail shows them and as contacts have them (pure)."""

import re
import unicodedata

from mailroom.addresses import canonical

_LONGEST = 200
_LONGEST_TO_LOOK_AT = 10_000  # a name of a megabyte, on many mails, would take minutes
# Normalizing takes time by the square of the length.
_LONGEST_TO_NORMALIZE = 1_000

_SPACES = frozenset({"Cc", "Cs", "Zl", "Zp"})  # no text, or what no UTF-8 can hold: shown as a space
_MARKS = frozenset({"Mn", "Me"})  # they show something on a letter alone
# Letters and symbols that show nothing (Hangul fillers, the empty Braille pattern), and variants of a glyph.
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0\u2800") | frozenset(map(chr, range(0xFE00, 0xFE10)))

_QUOTES = "\"'"
_QUOTE_MARKS = {quote: re.compile(rf"(?<!\w){quote}|{quote}(?!\w)") for quote in _QUOTES}  # an apostrophe is none
# Single and double ones: typewriter, grave and acute accent, English, German, French, primes, full width.
_ALL_QUOTES = dict.fromkeys(
    map(ord, "\"'`\xb4\xab\xbb\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2032\u2033\u2039\u203a\uff02\uff07")
)

_VIA = re.compile(r".*\S via (\S.*)")


def display_name(name: str | None) -> str:
    """A display name as clean text: no control characters, single spaces, no quotes around it, at most 200 characters.

    Empty for none, for one that shows nothing, and for one that is itself an address: that says nothing about who
    writes.
    """
    short = " ".join(_visible((name or "")[:_LONGEST_TO_LOOK_AT]).split())[:_LONGEST_TO_NORMALIZE]
    text = _unquoted(unicodedata.normalize("NFC", short).strip())
    cut = _unquoted(text[:_LONGEST].strip())
    is_address = any("@" in each and " " not in each and canonical(each) for each in (text, cut))
    return "" if is_address or all(map(_shows_nothing, cut)) else cut


def contact_name(name: str) -> str:
    """What to call the contact of somebody who shows this (clean) name.

    Mailing lists and services that send for somebody show `Ann Lee via Some List`: the address is the list's.
    """
    via = _VIA.fullmatch(name)
    return _unquoted(via[1]) if via else name


def comparable(name: str) -> str:
    """A name in a form in which it is the same as another that people would read as the same; empty for none.

    Without regard to case, white space, quotes, characters that show nothing, and how a character is composed (NFKC).
    """
    text = contact_name(display_name(name)).translate(_ALL_QUOTES)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    seen = folded if folded.isascii() else "".join(each for each in folded if not _is_unseen(each))
    return " ".join(seen.split())


def is_full_name(name: str) -> bool:
    """Whether a name is long enough to be somebody's in particular: two words or more."""
    return " " in comparable(name)


def _visible(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(" " if unicodedata.category(each) in _SPACES else each for each in text)


def _unquoted(text: str) -> str:
    """The text without quotes around all of it; `'Ann' and 'Bob'` and a quote without its pair stay."""
    while len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES:
        if _QUOTE_MARKS[text[0]].search(text.strip(f"{_QUOTES} ")):
            return text
        text = text[1:-1].strip()
    return "" if text in _QUOTES else text


def _shows_nothing(character: str) -> bool:
    return character.isspace() or _is_unseen(character) or unicodedata.category(character) in _MARKS


def _is_unseen(character: str) -> bool:
    return character in _FILLERS or unicodedata.category(character) == "Cf"
