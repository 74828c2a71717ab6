"""How the demo tells what happens: a line for each event while it runs, a summary at the end."""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median

import trio
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mailroom.sandbox.faults import Endpoint

PIPED_WIDTH = 200
"""Columns where no terminal shows the lines: enough that none is wrapped, so that they can be searched."""

TOO_LATE = "TOO LATE"
_LABELS = r"(?<!\S)@\w+"
_ENDPOINTS = {Endpoint.API: "JMAP", Endpoint.SESSION: "session", Endpoint.EVENT: "event stream"}


class Who(Enum):
    """Whose doing a line tells, and the style of its name."""

    SANDBOX = "bright_black"
    MAILROOM = "bold green"
    YOU = "bold cyan"
    MAIL = "bold yellow"
    NETWORK = "bold red"


@dataclass(frozen=True, slots=True)
class Filed:
    """A sender that was settled: how many mails moved, and the seconds from the tap until all was in its place."""

    sender: str
    mails: int
    seconds: float
    was_contact: bool
    push_was_down: bool


@dataclass(frozen=True, slots=True)
class HealthAnswer:
    """What `/healthz` said, over HTTP."""

    url: str
    http_status: int
    status: str
    eventsource: str
    reconnects: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of it all. `screened` are the seconds that mail of strangers was in the Inbox, `requests` the endpoints
    that the mail server was asked at, request by request."""

    taps: int
    filed: tuple[Filed, ...]
    screened: tuple[float, ...]
    requests: tuple[Endpoint, ...]
    health: HealthAnswer
    debounce_seconds: float
    usual_debounce_seconds: float


def console() -> Console:
    """Standard output: colours only on a terminal that has them, and a character that it can't show stops nothing."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)


class Teller:
    """Prints events with the seconds since it was made; make it inside trio."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._start = trio.current_time()

    def title(self, text: str) -> None:
        self._console.print()
        self._console.print(Text(text, style="bold"))

    def tell(self, who: Who, text: str) -> None:
        elapsed = trio.current_time() - self._start
        told = Text(text)
        told.highlight_regex(_LABELS, "cyan")
        told.highlight_regex(TOO_LATE, "bold red")
        self._line(Text(f"{elapsed:4.1f} s", "bright_black"), Text(f"{who.name.lower():8}", who.value), told)

    def summarize(self, summary: Summary) -> None:
        self.title("Summary")
        for name, value in rows(summary):
            self._line(Text(f"  {name:19}", "bright_black"), Text(value))

    def _line(self, *cells: Text) -> None:
        """One line; what is wrapped goes on below its own column."""
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_row(*cells)
        self._console.print(grid)

    def verbatim(self, text: str) -> None:
        """Lines to copy: never wrapped."""
        self._console.print(Text(text), soft_wrap=True)


def rows(summary: Summary) -> list[tuple[str, str]]:
    """The summary, line by line: what each figure is, and the figure with its unit."""
    filed, health = summary.filed, summary.health
    outages = [each.seconds for each in filed if each.push_was_down]
    return [
        ("Taps answered", f"{len(filed)} of {summary.taps}"),
        ("Senders filed", f"{len({each.sender for each in filed})}"),
        ("Contacts made", f"{len([each for each in filed if not each.was_contact])}"),
        ("Mails moved", f"{sum(each.mails for each in filed)}"),
        ("Out of the Inbox", _latency(summary.screened, "screened")),
        ("Push to filed", _latency([each.seconds for each in filed if not each.push_was_down], "filed")),
        ("of which debounce", f"up to {summary.debounce_seconds:g} s (default: {summary.usual_debounce_seconds:g} s)"),
        ("While push was down", f"{max(outages):.2f} s, reconnecting included" if outages else "nothing was filed"),
        ("Reconnects", f"{health.reconnects}"),
        ("HTTP requests", _requests(summary.requests)),
        ("Health", f"HTTP {health.http_status}, status {health.status}, event source {health.eventsource}"),
        ("", health.url),
    ]


def _latency(seconds: Sequence[float], what: str) -> str:
    if not seconds:
        return f"nothing was {what}"
    slowest = f", slowest {max(seconds):.2f} s" if len(seconds) > 1 else ""
    return f"{'median ' if slowest else ''}{median(seconds):.2f} s{slowest}"


def _requests(endpoints: Iterable[Endpoint]) -> str:
    counts = Counter(_ENDPOINTS.get(each, each.value) for each in endpoints)
    parts = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    return f"{counts.total()} ({parts})" if parts else "none"
