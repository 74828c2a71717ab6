"""The figures of many accounts as one page."""

from collections.abc import Sequence

from bench.accounts.measure import LABEL_EVERY, Beside, Cost, Fairness, Figures, Paced
from bench.machine import Machine
from bench.report import Sheet, markdown_table

AIMS = (
    "Aims: 1,000 accounts over TLS at most 250 MB after many pushes, 2,000 at most 450 MB; first request after a push "
    "at p99 within 100 ms at 50 pushes a second with 1,000 accounts; an account that is a burden delays the taps of "
    "others by at most 100 ms at the median; gone within 3 s of SIGTERM at 2,000 accounts."
)


def page(machine: Machine, found: Sequence[Figures]) -> str:
    """Everything that was measured, one table a kind."""
    parts = [
        f"# Many accounts, {machine.day.isoformat()}",
        f"Commit {machine.commit}; {machine.cores} cores, {machine.memory_gb:.0f} GB memory, {machine.python}, load "
        f"average before: {machine.busy:.1f}. Mail servers (the sandbox), in processes of their own, and daemon share "
        f"the machine. {AIMS}",
    ]
    for sheet in _sheets(found):
        if sheet.rows:
            parts += [f"## {sheet.title}", sheet.note, markdown_table(sheet)]
    return "\n\n".join(parts) + "\n"


def _sheets(found: Sequence[Figures]) -> Sequence[Sheet]:
    return (
        Sheet(
            "What they cost",
            "Start: until each account was tried once. Idle: polls every 60 s, a push connection each. Connections are "
            "new ones; over TLS each is a handshake.",
            (
                *("accounts", "TLS", "start s", "start CPU s", "MB after the start", "idle CPU % of a core"),
                *("requests a minute", "connections a minute", "CPU ms a label"),
                *("pushes", "MB after them", "kB an account", "SIGTERM to its end s"),
            ),
            tuple(_cost(each, found) for each in found if isinstance(each, Cost)),
        ),
        Sheet(
            "From a push to the first request, and to the filed mail",
            f"Milliseconds, seen by the mail server, without debounce; one mail in {LABEL_EVERY} has a label.",
            (
                *("accounts", "TLS", "pushes a second", "pushes", "woken p50", "woken p99"),
                *("labels", "filed p50", "filed p99"),
            ),
            tuple(_paced(each) for each in found if isinstance(each, Paced)),
        ),
        Sheet(
            "Beside a process for each account",
            "Over TLS; resident memory of all processes together.",
            ("accounts", "one process MB", "CPU % of a core", "a process each MB", "CPU % of a core"),
            tuple(_beside(each) for each in found if isinstance(each, Beside)),
        ),
        Sheet(
            "Fairness",
            "Milliseconds from a label to the filed mail at the median, of 20 accounts alone and of 20 beside the "
            "burden, measured in turn.",
            ("burden", "alone", "beside it", "difference"),
            tuple(_fair(each) for each in found if isinstance(each, Fairness)),
        ),
    )


def _cost(each: Cost, found: Sequence[object]) -> tuple[str, ...]:
    alone = [cost.end_mb for cost in found if isinstance(cost, Cost) and (cost.accounts, cost.tls) == (1, each.tls)]
    own = f"{1000 * (each.end_mb - alone[0]) / (each.accounts - 1):.0f}" if alone and each.accounts > 1 else ""
    return (
        f"{each.accounts:,}",
        _yes(each.tls),
        f"{each.start_seconds:.1f}",
        f"{each.start_cpu:.1f}",
        f"{each.start_mb:.0f}",
        f"{each.idle_cpu_percent:.1f}",
        f"{each.idle_requests_per_minute:.0f}",
        f"{each.idle_connections_per_minute:.1f}",
        f"{each.label_cpu_ms:.1f}",
        f"{each.pushes:,}",
        f"{each.end_mb:.0f}",
        own,
        f"{each.stop_seconds:.2f}",
    )


def _paced(each: Paced) -> tuple[str, ...]:
    return (
        f"{each.accounts:,}",
        _yes(each.tls),
        f"{each.per_second}",
        f"{len(each.pushes):,}",
        f"{each.woken(50):.1f}",
        f"{each.woken(99):.1f}",
        f"{each.labels:,}",
        f"{each.filed(50):.1f}",
        f"{each.filed(99):.1f}",
    )


def _beside(each: Beside) -> tuple[str, ...]:
    return (
        f"{each.accounts}",
        f"{each.one_mb:.0f}",
        f"{each.one_cpu_percent:.1f}",
        f"{each.each_mb:.0f}",
        f"{each.each_cpu_percent:.1f}",
    )


def _fair(each: Fairness) -> tuple[str, ...]:
    return (
        each.burden,
        f"{each.alone_ms:.1f}",
        f"{each.beside_ms:.1f}",
        f"{each.beside_ms - each.alone_ms:+.1f}",
    )


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"
