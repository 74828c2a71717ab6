"""Tables of thousands of rows for people: rich decides how wide the columns are, and would take long to draw them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

_GAP = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """A column and its cells, which are printable text. One that is not `folds` is as wide as its widest cell."""

    title: str
    cells: Sequence[str]
    is_number: bool = False
    folds: bool = True


def print_table(console: Console, columns: Sequence[Column]) -> None:
    """Print the columns beside each other, as wide as the terminal, and an empty line; titles only if there are any."""
    widths = _widths(console, columns)
    titles, *rows = zip(*([column.title, *column.cells] for column in columns), strict=True)
    if any(titles):
        console.print("\n".join(_lines(console, titles, columns, widths)), style="bold", soft_wrap=True)
    console.out("\n".join(line for row in rows for line in _lines(console, row, columns, widths)), highlight=False)
    console.out()


def _lines(console: Console, row: Iterable[str], columns: Sequence[Column], widths: Sequence[int]) -> Iterator[str]:
    folded = [_folded(console, cell, width) for cell, width in zip(row, widths, strict=True)]
    for cells in zip_longest(*folded, fillvalue=""):
        yield _GAP.join(map(_padded, cells, columns, widths))


def _folded(console: Console, cell: str, width: int) -> Sequence[str]:
    if cell_len(cell) <= width:
        return [cell]
    return [line.plain for line in Text(cell).wrap(console, width, overflow="fold")]


def _padded(cell: str, column: Column, width: int) -> str:
    return " " * (width - cell_len(cell)) + cell if column.is_number else set_cell_size(cell, width)


@dataclass(slots=True)
class _Widest:
    """Stands for all cells of a column when rich divides the width among the columns, and is told what it gets."""

    column: Column
    width: int = field(default=0, init=False)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        texts = (self.column.title, *self.column.cells)
        widest = max(map(cell_len, texts))
        narrowest = max(cell_len(word) for text in texts for word in text.split() or [""])
        return Measurement(narrowest if self.column.folds else widest, widest)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.width = options.max_width
        return ()


def _widths(console: Console, columns: Sequence[Column]) -> Sequence[int]:
    table = Table(box=None, pad_edge=False, show_header=False)
    cells = [_Widest(column) for column in columns]
    for column in columns:
        table.add_column(no_wrap=not column.folds)
    table.add_row(*cells)
    console.render_lines(table)
    return [cell.width for cell in cells]
