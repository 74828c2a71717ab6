"""`[page]` of `mailroom.toml`: which categories have a button of their own on a card of the page."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from mailroom.suggest import did_you_mean

MOST_LARGE = 2
"""With Block and what opens the rest they fill a line on a phone."""


@dataclass(frozen=True, slots=True)
class PageButtons:
    """Names of categories. `large` are always seen, from the left: empty for the first ones that don't block.

    `block` is the one that Block means: None for the first that takes mail from the Inbox.
    """

    large: tuple[str, ...] = ()
    block: str | None = None


USUAL_BUTTONS = PageButtons()


def button_problems(buttons: PageButtons, names: Collection[str]) -> Iterator[str]:
    """What is wrong with them, where the categories have these names; each begins with the key."""
    blocks = () if buttons.block is None else (buttons.block,)
    for key, chosen in (("large", buttons.large), ("block", blocks)):
        for name in dict.fromkeys(chosen):
            if name not in names:
                yield f"page: {key}: {name} is not a category{did_you_mean(name, names)}"
    if len(set(buttons.large)) < len(buttons.large):
        yield "page: large names a category twice"
    if buttons.block in buttons.large:
        yield f"page: {buttons.block} is both large and block; choose one"
