"""Tables look as rich's do, which take ten times as long."""

import io

import pytest
from rich.console import Console
from rich.table import Table

from mailroom.commands.table import Column, print_table

ROWS = [
    ("ann@example.org", "Ann", "1", "2026-03-02 10:00", ""),
    (
        "someone.with.a.long.local.part@mail.example.org",
        "A Shop With Quite A Long Name",
        "1207",
        "",
        "asks you: @ToFeed",
    ),
    ("bob@example.org", "日本の店 No Spaces In This Onelongwordthatfolds", "30", "2026-03-02 10:00", ""),
]
TITLES = ("Sender", "Name", "Mails", "Newest mail", "Why it waits")


def printed(width: int, *, is_terminal: bool) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    # Whatever the tests' own terminal can do.
    console = Console(
        file=out,
        width=width,
        force_terminal=is_terminal,
        markup=False,
        emoji=False,
        highlight=False,
        _environ={"TERM": "xterm"},
    )
    return console, out


def by_rich(width: int, count: int) -> str:
    console, out = printed(width, is_terminal=False)
    table = Table(box=None, pad_edge=False)
    for title in TITLES[:count]:
        kind = {"Mails": {"justify": "right"}, "Newest mail": {"no_wrap": True}}.get(title, {"overflow": "fold"})
        table.add_column(title, **kind)  # type: ignore[arg-type]  # of several types, one a name
    for row in ROWS:
        table.add_row(*row[:count])
    console.print(table)
    return out.getvalue()


def by_mailroom(width: int, count: int, *, is_terminal: bool = False) -> str:
    console, out = printed(width, is_terminal=is_terminal)
    cells = zip(*ROWS, strict=True)
    columns = [
        Column(title, each, is_number=title == "Mails", folds=title != "Newest mail")
        for title, each in zip(TITLES, cells, strict=True)
    ]
    print_table(console, columns[:count])
    return out.getvalue()


# Narrower, the titles of five columns are folded, which rich sets at the bottom of their row.
@pytest.mark.parametrize(("count", "narrowest"), [(2, 40), (4, 40), (5, 80)])
@pytest.mark.parametrize("width", [10_000, 120, 80, 60, 40])
def test_it_is_what_rich_prints(width: int, count: int, narrowest: int) -> None:
    width = max(width, narrowest)
    assert by_mailroom(width, count) == f"{by_rich(width, count)}\n"


def test_the_titles_are_bold_on_a_terminal() -> None:
    title, first, *_ = by_mailroom(120, 2, is_terminal=True).splitlines()
    assert title.startswith("\x1b[1mSender ")
    assert "\x1b" not in first
