"""What all views behind the login have in common: the frame around them, and where a form leads."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Generic, Self, TypeVar

from quart import Response, redirect, request

from mailroom.page.guard import session
from mailroom.page.pages import html

T = TypeVar("T")

ROOMS = (
    ("/", "Waiting", "waiting"),
    ("/decided", "Decided", "decided"),
    ("/history", "History", "history"),
    ("/health", "Health", "health"),
)
"""Path, name and icon of each."""


@dataclass(frozen=True, slots=True)
class Me:
    """The reader: what every form carries, and whether there is a session to end."""

    token: str
    can_log_out: bool

    @classmethod
    def here(cls) -> "Me":
        current = session()
        return cls(current.token(), not current.by_proxy)


def view(template: str, here: str, /, *, count: int | None = None, problem: str = "", **context: object) -> Response:
    """A page with the frame around it; `count` is how many wait, where that is known."""
    return html(template, HTTPStatus.OK, me=Me.here(), rooms=ROOMS, here=here, count=count, problem=problem, **context)


def see_other(path: str) -> Response:
    """Where a form leads, so that to reload doesn't send it again."""
    response = redirect(path, HTTPStatus.SEE_OTHER)
    assert isinstance(response, Response)  # noqa: S101  it is annotated as werkzeug's
    return response


async def field(name: str, default: str = "") -> str:
    """A field of the form that was sent."""
    return str((await request.form).get(name, default))


async def page_number() -> int:
    """Which page of a long list a form asks for, from 1 on."""
    asked = await field("page", "1")
    return max(1, int(asked)) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 1


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """What one page of a long list shows: page `number` of so many, from 1 on; the last one where there are fewer."""

    shown: Sequence[T]
    number: int
    of: int

    @classmethod
    def at(cls, number: int, size: int, found: Sequence[T]) -> Self:
        pages = max(1, -(-len(found) // size))
        number = min(number, pages)
        return cls(found[(number - 1) * size : number * size], number, pages)


async def fields(name: str, most: int) -> list[str]:
    """All of that name, each once; no more than so many."""
    return list(dict.fromkeys(map(str, (await request.form).getlist(name))))[:most]
