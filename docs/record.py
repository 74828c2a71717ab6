"""`just record`: play the demo and draw what its terminal shows as `docs/demo.svg`."""

import re
import sys
from pathlib import Path

import trio
from rich.console import Console

from mailroom.commands import demo

PICTURE = Path(__file__).with_name("demo.svg")
COLUMNS = 100


def main() -> int:
    console = Console(record=True, width=COLUMNS, force_terminal=True, color_system="truecolor", highlight=False)
    status = trio.run(demo.run, False, 1.0, console)
    if status == 0:
        PICTURE.write_text(self_contained(console.export_svg(title="mailroom demo", unique_id="demo")))
    return status


def self_contained(svg: str) -> str:
    """A picture in a README may load nothing: the reader's own monospaced font does, told to keep its spaces."""
    without_web_fonts = re.sub(r"@font-face {.*?}\s*", "", svg, flags=re.DOTALL)
    return without_web_fonts.replace("<svg ", '<svg xml:space="preserve" ', 1)


if __name__ == "__main__":
    sys.exit(main())
