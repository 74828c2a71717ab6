"""What a tap on a card does. Every form works without JavaScript; with it, a card alone changes, in its place."""

import time
from collections.abc import Iterable, Mapping, Sequence

from quart import Response
from quart_trio import QuartTrio
from werkzeug.exceptions import BadRequest

from mailroom.account.ring import TAP
from mailroom.addresses import canonical
from mailroom.errors import ConfigError
from mailroom.page.buttons import buttons_of
from mailroom.page.cards import IDS_OF_A_TAP, Card, read_cards
from mailroom.page.guard import is_htmx, session
from mailroom.page.lines import Did, Line, line_of_let_in, line_of_spam, line_of_tap, shown_line
from mailroom.page.live import Live
from mailroom.page.owner import Owner
from mailroom.page.pages import fragment
from mailroom.page.undoing import undo_tap
from mailroom.page.views import Me, field, fields, see_other
from mailroom.page.words import called
from mailroom.senders.one_tap import NO_SENDER, Became, Mails, let_in, put_back, tap
from mailroom.senders.screener import read_screener
from mailroom.senders.spam import report_spam

_MOST_CHOSEN = 500
_MOST_MAILS = 500


class Taps:
    """The forms of the cards; what they did is told to all who look."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def add_routes(self, app: QuartTrio) -> None:
        app.add_url_rule("/decide", "decide", self.decide, methods=["POST"])
        app.add_url_rule("/let-in", "let_in", self.let_in, methods=["POST"])
        app.add_url_rule("/spam", "spam", self.spam, methods=["POST"])
        app.add_url_rule("/undo", "undo", self.undo, methods=["POST"])

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
        mails, names = await _all_mail(owner)
        became = await let_in(owner.client, owner.scheme, mails)
        lines = [line_of_let_in(sender, names[sender], mails[sender], each) for sender, each in became.items()]
        return self._answer(owner, lines)

    async def spam(self) -> Response:
        owner = session().owner
        mails, names = await _all_mail(owner)
        lines: list[Line] = []
        for sender, ids in mails.items():
            if canonical(sender) != sender:
                raise BadRequest("Without a usable sender nothing can be said about one: let it in, or delete it.")
            try:
                await report_spam(owner.client, owner.scheme, sender)
            except ConfigError as refused:
                lines.append(Line(sender, names[sender], f"stays: {refused}."))
            else:
                lines.append(line_of_spam(sender, names[sender], ids))
        return self._answer(owner, lines)

    async def undo(self) -> Response:
        """Back to a card, where the mail waits again."""
        owner = session().owner
        mails, names = await _named_mails()
        if await field("did") == Did.DECIDED.value:
            problems = await undo_tap(owner, mails, await field("category"))
            problems = {sender: f"can't be undone: {why}." for sender, why in problems.items()}
        else:
            became = await put_back(owner.client, owner.scheme, mails)
            problems = {sender: _MOVED for sender, each in became.items() if each is not Became.DONE}
        lines = [Line(sender, names[sender], text) for sender, text in problems.items()]
        undone = [sender for sender in mails if sender not in problems]
        cards = await _cards_of(owner, undone)
        waiting = {card.sender or NO_SENDER for card in cards}
        lines += [Line(sender, names[sender], "is where it was before.") for sender in undone if sender not in waiting]
        return self._answer(owner, lines, cards)

    def _answer(self, owner: Owner, lines: Iterable[Line], cards: Iterable[Card] = ()) -> Response:
        """What the cards have become, for this browser and all others; without JavaScript the page anew."""
        at, me, others = time.monotonic_ns(), Me.here(), Me("", can_log_out=False)
        lines, cards = tuple(lines), tuple(cards)
        for part in (*(shown_line(each, at) for each in lines), *(_card(owner, each, at, others) for each in cards)):
            self._live.tell(owner, part)
        if not is_htmx():
            return see_other("/")
        parts = [*(shown_line(each, at, me.token) for each in lines), *(_card(owner, each, at, me) for each in cards)]
        return Response("".join(parts), content_type="text/html; charset=utf-8")


_MOVED = "can't be brought back: the mail was moved meanwhile."


def _card(owner: Owner, card: Card, at: int, me: Me) -> str:
    return fragment("_card.html", card=card, at=at, me=me, buttons=buttons_of(owner.scheme))


async def _cards_of(owner: Owner, addresses: Sequence[str]) -> list[Card]:
    """The cards of these senders as they are now."""
    if not addresses:
        return []
    screener = await read_screener(owner.client, owner.scheme)
    return await read_cards(owner, [each for each in screener.senders if (each.sender or NO_SENDER) in addresses])


async def _named_mails() -> tuple[Mails, Mapping[str, str]]:
    """Whom the form of one card is about, with the mails that it names, and what to call them."""
    senders = await fields("sender", _MOST_CHOSEN)
    if not senders:
        raise BadRequest("Nobody is chosen: tick at least one sender.")
    ids, name = await fields("mail", _MOST_MAILS), await field("called")
    return dict.fromkeys(senders, ids), {each: called(each, name[:200]) for each in senders}


async def _chosen(owner: Owner) -> tuple[Mails, Mapping[str, str]]:
    """As `_named_mails`; of several chosen senders no mails are named, and they are looked up."""
    mails, names = await _named_mails()
    if len(mails) == 1 and any(mails.values()):
        return mails, names
    mails, names = await _all_mail(owner)
    return {sender: ids[:IDS_OF_A_TAP] for sender, ids in mails.items()}, names


async def _all_mail(owner: Owner) -> tuple[Mails, Mapping[str, str]]:
    """All mail that waits of those whom a form is about."""
    senders = (await _named_mails())[0]
    screener = await read_screener(owner.client, owner.scheme)
    waiting = {each.sender or NO_SENDER: each for each in screener.senders}
    mails = {each: [mail.id for mail in waiting[each].mails] if each in waiting else [] for each in senders}
    return mails, {each: called(each, waiting[each].name if each in waiting else "") for each in senders}
