"""What a card becomes once it was tapped: one line in its place, with its own way back."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from mailroom.config.scheme import Category, Scheme
from mailroom.observe.outcome import Deed
from mailroom.page.buttons import accent_of
from mailroom.page.pages import fragment
from mailroom.page.words import called
from mailroom.plural import plural
from mailroom.senders.one_tap import Became


class Did(Enum):
    """What there is to undo."""

    DECIDED = "decided"
    LET_IN = "let in"
    SPAM = "spam"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Line:
    """`called` is who it is about, `now` what is so, `then` what will be so after the pass (empty: that was all).

    `ids` are the mails that the tap was about, `category` is what was decided.
    """

    sender: str
    called: str
    now: str
    then: str = ""
    did: Did = Did.NOTHING
    ids: Sequence[str] = ()
    accent: int = 0
    category: str = ""

    @property
    def can_undo(self) -> bool:
        return self.did is not Did.NOTHING


def shown_line(line: Line, at: int, token: str = "") -> str:
    """`at` orders what is told of one card; the token is the reader's own."""
    return fragment("_line.html", line=line, at=at, token_value=token)


def line_of_tap(
    sender: str, called: str, category: Category, scheme: Scheme, ids: Sequence[str], became: Became = Became.DONE
) -> Line:
    """What a tap on a category made of a card."""
    accent = accent_of(scheme, category.name)
    match became:
        case Became.DONE:
            filing, filed = f"→ {category.name}, being filed …", f"→ {category.name}, filed"
            return Line(sender, called, filing, filed, Did.DECIDED, ids, accent, category.name)
        case Became.DONE_BEFORE:
            return Line(sender, called, f"→ {category.name}, filed", "", Did.DECIDED, ids, accent, category.name)
        case Became.GONE:
            return Line(sender, called, "waits no longer: its mail was moved, or decided about elsewhere.")
        case Became.REFUSED:
            return Line(sender, called, "stays: the mail server refused to label its mail. Reload, and try again.")


def line_of_deed(deed: Deed, scheme: Scheme) -> Line:
    """What a pass did with a sender."""
    who = called(deed.sender, deed.name)
    if deed.problem is not None:
        return Line(deed.sender, who, f"waits for you: {deed.problem}.")
    filed = f"filed {plural(deed.mails, 'mail')} in" if deed.mails else "settled in"
    accent = accent_of(scheme, deed.category)
    return Line(deed.sender, who, f"{filed} {deed.category}", "", Did.DECIDED, (), accent, deed.category)


def line_of_let_in(sender: str, called: str, ids: Sequence[str], became: Became) -> Line:
    match became:
        case Became.DONE:
            return Line(sender, called, f"let in: {plural(len(ids), 'mail')} in the Inbox", "", Did.LET_IN, ids)
        case Became.REFUSED:
            return Line(sender, called, "stays: the mail server refused to move its mail. Reload, and try again.")
        case _:
            return Line(sender, called, "waits no longer: its mail was moved, or decided about elsewhere.")


def line_of_spam(sender: str, called: str, ids: Sequence[str]) -> Line:
    return Line(sender, called, f"{plural(len(ids), 'mail')} to Junk", "", Did.SPAM, ids)
