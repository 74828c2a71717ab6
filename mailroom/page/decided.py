"""`/decided`: who is in which category, and changing it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.exceptions import BadRequest

from mailroom.addresses import canonical
from mailroom.config.scheme import Scheme
from mailroom.contacts.base import AddressBook
from mailroom.errors import ConfigError
from mailroom.page.buttons import accent_of, buttons_of
from mailroom.page.guard import session
from mailroom.page.owner import Owner
from mailroom.page.undoing import undo_decision
from mailroom.page.views import Part, field, page_number, see_other, view
from mailroom.page.words import called
from mailroom.senders.members import members
from mailroom.senders.settle import Permission, settle
from mailroom.triage.start_check import begin

A_PAGE = 100


@dataclass(frozen=True, slots=True)
class Decided:
    """Somebody in a category: address (None for a contact without one), and what to call them."""

    sender: str | None
    called: str
    category: str
    accent: int


@dataclass(frozen=True, slots=True)
class Shelf:
    """A category, and how many are in it."""

    name: str
    accent: int
    senders: int


def add_decided(app: QuartTrio) -> None:
    app.add_url_rule("/decided", "decided", _show, methods=["GET"])
    app.add_url_rule("/decided", "find_decided", _search, methods=["POST"])
    app.add_url_rule("/decided/change", "change", _change, methods=["POST"])
    app.add_url_rule("/decided/change", "changed", _again, methods=["GET"])


async def _show() -> Response:
    return await _page(request.args.get("in", ""), "", 1)


async def _search() -> Response:
    return await _page(await field("in"), (await field("q")).strip()[:200], await page_number())


async def _again() -> Response:
    return see_other("/decided")


async def _change() -> Response:
    """Into another category, or back to the one before."""
    owner = session().owner
    sender, shelf, to = await field("sender"), await field("in"), await field("category")
    if canonical(sender) != sender:
        raise BadRequest("There is no such sender.")
    try:
        if to:
            done = await _settle(owner, sender, to)
        else:
            done = f"{sender} is back in {(await undo_decision(owner, sender, shelf)).to}."
    except ConfigError as refused:
        return await _page(shelf, "", 1, problem=f"Nothing was changed: {refused}.")
    return await _page(shelf, "", 1, done=done)


async def _settle(owner: Owner, sender: str, to: str) -> str:
    """As `mailroom triage` does: here it is known which label counts. Says what happened; raises `ConfigError`."""
    category = owner.scheme.by_name.get(to)
    if category is None:
        raise ConfigError(["there is no such category any more"])
    run = await begin(owner.client, await owner.contacts(), owner.scheme, datetime.now(UTC))
    outcome = await settle(run, [sender], category, frozenset({Permission.NEW, Permission.FORCE}))
    if outcome.failed:
        raise ConfigError(outcome.failed)
    return f"{sender} is in {category.name} now."


async def _page(shelf: str, q: str, page: int, *, problem: str = "", done: str = "") -> Response:
    owner = session().owner
    book = (await (await owner.contacts()).read_all()).book
    everybody = decided(book, owner.scheme)
    names = [each.name for each in owner.scheme.categories]
    shelf = shelf if shelf in names else names[0]
    found = _matching(everybody, q) if q else [each for each in everybody if each.category == shelf]
    part = Part.at(page, A_PAGE, found)
    return view(
        "decided.html",
        "/decided",
        problem=problem,
        done=done,
        shelves=_shelves(everybody, owner.scheme),
        shelf=shelf,
        senders=part.shown,
        found=len(found),
        buttons=buttons_of(owner.scheme),
        q=q,
        page=part.number,
        pages=part.of,
    )


def decided(book: AddressBook, scheme: Scheme) -> list[Decided]:
    """Everybody, by category and address. Who is in a category and its parent is listed in the former."""
    found: dict[str | tuple[str, str], Decided] = {}
    # The deepest category counts: those above it come first, and are written over.
    for category in sorted(scheme.categories, key=lambda each: len(scheme.chain(each))):
        for each in members(book, category):
            key = each.sender or (category.name, each.name)
            accent = accent_of(scheme, category.name)
            found[key] = Decided(each.sender, called(each.sender, each.name), category.name, accent)
    order = [category.name for category in scheme.categories]
    return sorted(found.values(), key=lambda each: (order.index(each.category), each.sender or "\uffff", each.called))


def _matching(everybody: Sequence[Decided], q: str) -> list[Decided]:
    words = q.casefold().split()
    return [each for each in everybody if all(word in f"{each.called} {each.sender}".casefold() for word in words)]


def _shelves(everybody: Sequence[Decided], scheme: Scheme) -> list[Shelf]:
    return [
        Shelf(
            category.name,
            accent_of(scheme, category.name),
            sum(each.category == category.name for each in everybody),
        )
        for category in scheme.categories
    ]
