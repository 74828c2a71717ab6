"""`/`: who waits, one tap each. Every form works without JavaScript; with it, a card alone changes, in its place."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from quart import Response
from quart_trio import QuartTrio
from werkzeug.exceptions import BadRequest

from mailroom.account.ring import TAP
from mailroom.page.buttons import buttons_of
from mailroom.page.cards import IDS_OF_A_TAP, Card, card_of
from mailroom.page.guard import is_htmx, session
from mailroom.page.lines import Did, Line, line_of_let_in, line_of_tap, shown_line
from mailroom.page.live import Live
from mailroom.page.owner import Owner
from mailroom.page.pages import fragment
from mailroom.page.views import Me, field, fields, see_other, view
from mailroom.page.words import called
from mailroom.senders.one_tap import NO_SENDER, Became, Mails, let_in, put_back, tap, untap
from mailroom.senders.opening import open_until
from mailroom.senders.screener import Screener, WaitingSender, read_screener, read_shown

A_PAGE = 50
_MOST_CHOSEN = 500
_LONGEST_OPENING_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Opening:
    """Whether screening can be opened for a while, and until when it is."""

    is_offered: bool
    until: datetime | None


class Waiting:
    """The view, and what its forms do."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def add_routes(self, app: QuartTrio) -> None:
        app.add_url_rule("/", "waiting", self.show, methods=["GET"])
        app.add_url_rule("/search", "search", self.search, methods=["POST"])
        app.add_url_rule("/search", "searched", self.again, methods=["GET"])
        app.add_url_rule("/decide", "decide", self.decide, methods=["POST"])
        app.add_url_rule("/let-in", "let_in", self.let_in, methods=["POST"])
        app.add_url_rule("/undo", "undo", self.undo, methods=["POST"])
        app.add_url_rule("/open", "open", self.open, methods=["POST"])

    async def show(self) -> Response:
        return await _page("", 1)

    async def search(self) -> Response:
        """Search words are sent, and stand in no url: the history of a browser keeps those."""
        page = await field("page", "1")
        return await _page((await field("q")).strip()[:200], int(page) if page.isascii() and page.isdigit() else 1)

    async def again(self) -> Response:
        """After a search somebody came back by the address alone."""
        return see_other("/")

    async def decide(self) -> Response:
        owner = session().owner
        category = owner.scheme.by_name.get(await field("category"))
        if category is None:
            raise BadRequest("There is no such category any more: reload the page.")
        mails, names = await _chosen(owner)
        became = await tap(owner.client, owner.scheme, mails, category)
        owner.bell.ring(TAP)
        lines = [
            line_of_tap(sender, names[sender], category, owner.scheme, mails[sender], each)
            for sender, each in became.items()
        ]
        return self._answer(owner, lines)

    async def let_in(self) -> Response:
        owner = session().owner
        mails, names = await _chosen(owner)
        became = await let_in(owner.client, owner.scheme, mails)
        owner.bell.ring(TAP)
        lines = [line_of_let_in(sender, names[sender], mails[sender], each) for sender, each in became.items()]
        return self._answer(owner, lines)

    async def undo(self) -> Response:
        """Back to a card, where the mail still waits or came from."""
        owner = session().owner
        mails, names = await _chosen(owner)
        did = await field("did")
        take_back = put_back if did == Did.LET_IN.value else untap
        became = await take_back(owner.client, owner.scheme, mails)
        late = [sender for sender, each in became.items() if each is not Became.DONE]
        lines = [Line(sender, names[sender], TOO_LATE) for sender in late]
        undone = [sender for sender in became if sender not in late]
        cards = await _cards_of(owner, undone)
        return self._answer(owner, lines, cards)

    async def open(self) -> Response:
        owner = session().owner
        minutes = await field("minutes")
        if not (minutes.isascii() and minutes.isdigit() and int(minutes) <= _LONGEST_OPENING_MINUTES):
            raise BadRequest(f"Screening can be opened for up to {_LONGEST_OPENING_MINUTES} minutes.")
        until = (datetime.now(UTC) + timedelta(minutes=int(minutes))).replace(microsecond=0) if int(minutes) else None
        await open_until(owner.client, await owner.contacts(), owner.scheme, until)
        return see_other("/")

    def _answer(self, owner: Owner, lines: Iterable[Line], cards: Iterable[Card] = ()) -> Response:
        """What the cards have become, for this browser and all others; without JavaScript the page anew."""
        at, token = time.monotonic_ns(), Me.here()
        for line in lines:
            self._live.tell(owner, shown_line(line, at))
        for card in cards:
            self._live.tell(owner, _card(owner, card, at, Me("", can_log_out=False)))
        if not is_htmx():
            return see_other("/")
        parts = [
            *(shown_line(line, at, token.token) for line in lines),
            *(_card(owner, card, at, token) for card in cards),
        ]
        return Response("".join(parts), content_type="text/html; charset=utf-8")


TOO_LATE = "is filed already: decide anew in your mail app."


def _card(owner: Owner, card: Card, at: int, me: Me) -> str:
    return fragment("_card.html", card=card, at=at, me=me, buttons=buttons_of(owner.scheme))


async def _page(q: str, page: int) -> Response:
    owner = session().owner
    is_on = owner.scheme.screening.is_on
    screener = await read_screener(owner.client, owner.scheme, await owner.contacts() if is_on else None)
    found = _matching(screener.senders, q)
    pages = max(1, -(-len(found) // A_PAGE))
    page = min(max(page, 1), pages)
    part = found[(page - 1) * A_PAGE : page * A_PAGE]
    return view(
        "waiting.html",
        "/",
        count=len(screener.senders),
        mails=sum(len(each.mails) for each in screener.senders),
        found=len(found),
        cards=await _cards(owner, part),
        buttons=buttons_of(owner.scheme),
        opening=_opening(screener, is_on=is_on),
        since=screener.senders[0].newest.received_at if screener.senders else "0",
        at=time.monotonic_ns(),
        q=q,
        page=page,
        pages=pages,
    )


def _opening(screener: Screener, *, is_on: bool) -> Opening:
    until = screener.open_until
    return Opening(is_on, until if until and until > datetime.now(UTC) else None)


def _matching(senders: Sequence[WaitingSender], q: str) -> Sequence[WaitingSender]:
    words = q.casefold().split()
    if not words:
        return senders
    return [each for each in senders if all(word in f"{each.name} {each.sender}".casefold() for word in words)]


async def _cards(owner: Owner, senders: Sequence[WaitingSender]) -> list[Card]:
    shown = await read_shown(owner.client, [each.newest.id for each in senders])
    return [card_of(each, shown.get(each.newest.id), owner.scheme) for each in senders]


async def _cards_of(owner: Owner, addresses: Sequence[str]) -> list[Card]:
    """The cards of these senders as they are now."""
    if not addresses:
        return []
    screener = await read_screener(owner.client, owner.scheme)
    return await _cards(owner, [each for each in screener.senders if (each.sender or NO_SENDER) in addresses])


async def _chosen(owner: Owner) -> tuple[Mails, Mapping[str, str]]:
    """Whom a form is about, with the mails that it names, and what to call them.

    One card names its mails; of several chosen ones only the senders are named, and their mails are looked up.
    """
    senders = await fields("sender", _MOST_CHOSEN)
    ids = await fields("mail", IDS_OF_A_TAP)
    if not senders:
        raise BadRequest("Nobody is chosen: tick at least one sender.")
    if ids and len(senders) == 1:
        name = await field("called")
        return {senders[0]: ids}, {senders[0]: called(senders[0], name[:200])}
    screener = await read_screener(owner.client, owner.scheme)
    waiting = {each.sender or NO_SENDER: each for each in screener.senders}
    mails = {
        sender: [email.id for email in waiting[sender].mails[:IDS_OF_A_TAP]] if sender in waiting else []
        for sender in senders
    }
    return mails, {sender: called(sender, waiting[sender].name if sender in waiting else "") for sender in senders}
