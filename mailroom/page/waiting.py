"""`/`: who waits; opening screening for a while, and clearing what is left."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from quart import Response
from quart_trio import QuartTrio
from werkzeug.exceptions import BadRequest

from mailroom.page.buttons import buttons_of
from mailroom.page.cards import read_cards
from mailroom.page.guard import session
from mailroom.page.owner import Owner
from mailroom.page.views import Part, field, page_number, see_other, view
from mailroom.page.words import crowd
from mailroom.senders.clear import To, clear, find_clearable
from mailroom.senders.opening import open_until
from mailroom.senders.screener import Screener, WaitingSender, read_screener, read_subjects

A_PAGE = 50
_LONGEST_OPENING_MINUTES = 60
_CLEARED_TO = {"archive": To.ARCHIVE, "inbox": To.INBOX, "trash": To.TRASH}


@dataclass(frozen=True, slots=True)
class Opening:
    """Whether screening can be opened for a while, and until when it is."""

    is_offered: bool
    until: datetime | None


def add_waiting(app: QuartTrio) -> None:
    app.add_url_rule("/", "waiting", _show, methods=["GET"])
    app.add_url_rule("/search", "search", _search, methods=["POST"])
    app.add_url_rule("/search", "searched", _again, methods=["GET"])
    app.add_url_rule("/open", "open", _open, methods=["POST"])
    app.add_url_rule("/clear", "ask_to_clear", _ask_to_clear, methods=["GET"])
    app.add_url_rule("/clear", "clear", _clear, methods=["POST"])


async def _show() -> Response:
    return await _page("", 1)


async def _search() -> Response:
    """Search words are sent, and stand in no url: the history of a browser keeps those."""
    return await _page((await field("q")).strip()[:200], await page_number())


async def _again() -> Response:
    """After a search somebody came back by the address alone."""
    return see_other("/")


async def _page(q: str, page: int) -> Response:
    owner = session().owner
    is_on = owner.scheme.screening.is_on
    screener = await read_screener(owner.client, owner.scheme, await owner.contacts() if is_on else None)
    found = await _matching(owner, screener.senders, q)
    part = Part.at(page, A_PAGE, found)
    return view(
        "waiting.html",
        "/",
        count=len(screener.senders),
        crowd=crowd(len(screener.senders), screener.number_of_mails),
        found=len(found),
        cards=await read_cards(owner, part.shown),
        buttons=buttons_of(owner.scheme),
        opening=_opening(screener, is_on=is_on),
        since=screener.senders[0].newest.received_at if screener.senders else "0",
        at=time.monotonic_ns(),
        q=q,
        page=part.number,
        pages=part.of,
    )


def _opening(screener: Screener, *, is_on: bool) -> Opening:
    until = screener.open_until
    return Opening(is_on, until if until and until > datetime.now(UTC) else None)


async def _matching(owner: Owner, senders: Sequence[WaitingSender], q: str) -> Sequence[WaitingSender]:
    """Whose name, address and newest subject, which the card shows, hold all these words."""
    words = q.casefold().split()
    if not words:
        return senders
    subjects = await read_subjects(owner.client, [each.newest.id for each in senders])

    def matches(each: WaitingSender) -> bool:
        text = f"{each.name} {each.sender or ''} {subjects.get(each.newest.id, '')}".casefold()
        return all(word in text for word in words)

    return [each for each in senders if matches(each)]


async def _open() -> Response:
    owner = session().owner
    minutes = await field("minutes")
    if not (minutes.isascii() and minutes.isdigit() and int(minutes) <= _LONGEST_OPENING_MINUTES):
        raise BadRequest(f"Screening can be opened for up to {_LONGEST_OPENING_MINUTES} minutes.")
    until = (datetime.now(UTC) + timedelta(minutes=int(minutes))).replace(microsecond=0) if int(minutes) else None
    await open_until(owner.client, await owner.contacts(), owner.scheme, until)
    return see_other("/")


async def _ask_to_clear() -> Response:
    owner = session().owner
    found = await find_clearable(owner.client, owner.scheme, To.INBOX, None, datetime.now(UTC))
    return view("clear.html", "/", senders=len(found.senders), mails=len(found.ids))


async def _clear() -> Response:
    owner = session().owner
    if (to := _CLEARED_TO.get(await field("to"))) is None:
        raise BadRequest("Say where the mail goes: to the Archive, the Inbox or the Trash.")
    await clear(await find_clearable(owner.client, owner.scheme, to, None, datetime.now(UTC)))
    return see_other("/")
