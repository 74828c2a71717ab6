"""`/history`: what was decided about whom, and when."""

from collections.abc import Iterable
from dataclasses import dataclass

from quart import Response
from quart_trio import QuartTrio
from werkzeug.exceptions import BadRequest

from mailroom.addresses import canonical
from mailroom.config.scheme import Scheme
from mailroom.decisions.history import Entry
from mailroom.decisions.note import Verb
from mailroom.errors import ConfigError
from mailroom.page.buttons import accent_of
from mailroom.page.guard import session
from mailroom.page.undoing import undo_decision
from mailroom.page.views import Part, field, page_number, see_other, view
from mailroom.page.words import called
from mailroom.senders.history import history

A_PAGE = 100


@dataclass(frozen=True, slots=True)
class Past:
    """A decision as a line: `undoes` is the address whose last decision it is, empty where it can't be undone."""

    when: str
    who: str
    called: str
    before: str
    after: str
    accent: int
    undoes: str


def add_history(app: QuartTrio) -> None:
    app.add_url_rule("/history", "history", _show, methods=["GET"])
    app.add_url_rule("/history", "find_history", _search, methods=["POST"])
    app.add_url_rule("/history/undo", "undo_past", _undo, methods=["POST"])
    app.add_url_rule("/history/undo", "undone_past", _again, methods=["GET"])


async def _show() -> Response:
    return await _page("", 1)


async def _search() -> Response:
    return await _page((await field("q")).strip()[:200], await page_number())


async def _again() -> Response:
    return see_other("/history")


async def _undo() -> Response:
    sender = await field("sender")
    if canonical(sender) != sender:
        raise BadRequest("There is no such sender.")
    try:
        undone = await undo_decision(session().owner, sender, await field("category"))
    except ConfigError as refused:
        return await _page("", 1, problem=f"Nothing was changed: {refused}.")
    return await _page("", 1, done=f"{sender} is back in {undone.to}.")


async def _page(q: str, page: int, *, problem: str = "", done: str = "") -> Response:
    owner = session().owner
    words = q.casefold().split()
    every = pasts(await history(await owner.contacts()), owner.scheme)
    found = [each for each in every if all(word in f"{each.called} {each.who}".casefold() for word in words)]
    part = Part.at(page, A_PAGE, found)
    return view(
        "history.html",
        "/history",
        problem=problem,
        done=done,
        pasts=part.shown,
        found=len(found),
        q=q,
        page=part.number,
        pages=part.of,
    )


def pasts(entries: Iterable[Entry], scheme: Scheme) -> list[Past]:
    """As lines, in the order given: the newest first."""
    seen: set[tuple[str, ...]] = set()
    found: list[Past] = []
    for entry in entries:
        who = ", ".join(entry.who)
        is_last = entry.who not in seen
        seen.add(entry.who)
        address = next((each for each in entry.who if canonical(each) == each), "")
        can_undo = is_last and entry.after is not None
        found.append(
            Past(
                when=entry.when,
                who=who,
                called=called(who or None, entry.name),
                before=entry.before or "",
                after=entry.after or (scheme.screener if entry.verb is Verb.BACK else "no decision"),
                accent=accent_of(scheme, entry.after or ""),
                undoes=address if can_undo else "",
            )
        )
    return found
