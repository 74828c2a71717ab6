"""vCards 3.0 and 4.0 as content lines (RFC 2426, RFC 6350 §3.3), and the texts in these (pure).

An edit replaces or adds single content lines; every other one stays byte for byte, folds and line ends included.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

WRITTEN = frozenset({"FN", "N", "ORG", "EMAIL", "NOTE", "X-ABSHOWAS"})
KINDS = ("X-ADDRESSBOOKSERVER-KIND", "KIND")
ADMINISTRATIVE = frozenset({"BEGIN", "END", "VERSION", "UID", "REV", "PRODID", "CREATED", *KINDS})
MEMBERS = ("X-ADDRESSBOOKSERVER-MEMBER", "MEMBER")
_USED = WRITTEN | ADMINISTRATIVE | frozenset(MEMBERS)

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

MOST_LINES = 15_000
"""Of one card, folded ones counted once: read in 0.1 s. A group has one for each member."""

_MOST_FOLDS = 300_000
"""Of one card; a photo of 16 MB has 220,000."""

_MOST_CHARACTERS = 1_500_000
"""Of one card, without long lines that aren't used: photos."""

_LONGEST_BEGINNING = 1_000

# What neither a vCard (RFC 6350 §3.3) nor XML 1.0 can carry; a newline is written as \n.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class NotAVCard(ValueError):
    """A text that is no vCard; the message says why and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A content line: `raw` as it stands, `head` and `value` unfolded and still escaped, `name` in upper case.

    A blank line has no name, and a malformed or long one that Mailroom doesn't use neither head nor value.
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
    if text.count("\n") > _MOST_FOLDS:
        raise NotAVCard(f"it has more than {MOST_LINES:,} lines, or {_MOST_FOLDS:,} with those that are folded")
    lines: list[Line] = []
    room = _MOST_CHARACTERS
    found = (each[0] for each in _LOGICAL_LINE.finditer(text) if each[0])
    for number, raw in enumerate(islice(found, MOST_LINES + 1), start=1):
        if number > MOST_LINES:
            raise NotAVCard(f"it has more than {MOST_LINES:,} lines")
        name = _unused_name(raw) if len(raw) > _LONGEST_BEGINNING else ""
        room -= 0 if name else len(raw)
        if room < 0:
            raise NotAVCard(f"it has more than {_MOST_CHARACTERS:,} characters beside photos and the like")
        try:
            lines.append(Line(raw, name) if name else _parse_line(raw))
        except NotAVCard:
            raise NotAVCard(f"its content line {number} is malformed") from None
    named = [line for line in lines if line.name]
    ends = [(line.name, line.value.strip().upper()) for line in (*named[:1], *named[-1:])]
    if ends != [("BEGIN", "VCARD"), ("END", "VCARD")]:
        raise NotAVCard("it doesn't run from BEGIN:VCARD to END:VCARD")
    if any(line.name in ("BEGIN", "END") for line in named[1:-1]):
        raise NotAVCard("it holds more than one card")
    if any("QUOTED-PRINTABLE" in line.head.upper() for line in lines if ";" in line.head and line.name in _USED):
        raise NotAVCard("it is quoted-printable, which only vCard 2.1 allows: save it again in an address book app")
    return VCard(tuple(lines))


def unfolded(text: str) -> str:
    """Without the breaks in long content lines (RFC 6350 §3.2)."""
    return _FOLD.sub("", text) if "\n " in text or "\n\t" in text else text


def clean(text: str) -> str:
    """The text as a vCard can hold it: newlines as LF, without control characters other than newline and tab."""
    return _FORBIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def escaped(text: str) -> str:
    """A text value (RFC 6350 §3.4)."""
    return re.sub(r"([\\,;])", r"\\\1", clean(text)).replace("\n", "\\n")


def unescaped(value: str) -> str:
    """The clean text of a text value. A backslash before any other character is dropped, as Apple's `\\:` wants it."""
    text = clean(value)
    if "\\" not in text:
        return text
    # A clean text holds no NUL. Replacing takes a hundredth of what a function for each backslash would.
    for mark, meant in ((r"\\", "\0"), (r"\n", "\n"), (r"\N", "\n")):
        text = text.replace(mark, meant)
    alone = "\\" if text.endswith("\\") else ""
    return (text.replace("\\", "") + alone).replace("\0", "\\")


def split_components(value: str) -> tuple[str, ...]:
    """The components of a structured value such as N and ORG, still escaped."""
    return tuple(re.findall(r"(?:\A|;)((?:[^;\\]|\\.|\\\Z)*)", value))


def components(*texts: str) -> str:
    return ";".join(map(escaped, texts))


def _unused_name(raw: str) -> str:
    """The name of a long line that isn't used, by its beginning: a photo isn't unfolded. Empty for one that may be."""
    found = _BEGINNING.match(unfolded(raw[:_LONGEST_BEGINNING]))
    return name if found and (name := _name(found)) not in _USED else ""


def _parse_line(raw: str) -> Line:
    if not (content := unfolded(raw).rstrip("\r\n").removeprefix("\ufeff")):
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


EMPTY = parse("BEGIN:VCARD\r\nVERSION:3.0\r\nEND:VCARD\r\n")
