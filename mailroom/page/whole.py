"""`/whole`: a decision about a whole domain or a whole list; it says first whom that catches."""

from dataclasses import dataclass

from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.exceptions import BadRequest

from mailroom.account.ring import TAP
from mailroom.config.scheme import Scheme
from mailroom.decisions.whole import Refusal, Whole, WholeDomain, WholeList, asked_for
from mailroom.jmap.mail import EMAIL_WITH_LIST, Email, Move, moved
from mailroom.page.buttons import buttons_of
from mailroom.page.guard import session
from mailroom.page.views import field, see_other, view
from mailroom.page.words import called
from mailroom.senders.one_tap import Wide, tap, wide_label
from mailroom.senders.screener import Screener, WaitingSender, read_screener

MOST_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Caught:
    """Somebody who waits and would be decided about, too."""

    sender: str
    called: str


def add_whole(app: QuartTrio) -> None:
    app.add_url_rule("/whole", "whole", _show, methods=["GET"])
    app.add_url_rule("/whole", "decide_whole", _decide, methods=["POST"])


async def _show() -> Response:
    """Asked by the id of a mail, which tells nothing: a domain in a url would stay in the browser's history."""
    owner = session().owner
    wide = _wide(request.args.get("wide", ""))
    screener = await read_screener(owner.client, owner.scheme, kind=EMAIL_WITH_LIST)
    email = _mail(screener, request.args.get("mail", ""))
    whole = wanted(email, wide, screener, owner.scheme)
    if not isinstance(whole, WholeDomain | WholeList):
        return view("whole.html", "/", whole=None, problem=f"Not possible: {whole.value}.", called="", caught=[])
    everybody = caught(whole, screener)
    return view(
        "whole.html",
        "/",
        whole=whole,
        wide=wide.value,
        mail=email.id,
        caught=everybody[:MOST_SHOWN],
        number=len(everybody),
        buttons=buttons_of(owner.scheme),
    )


async def _decide() -> Response:
    owner = session().owner
    category = owner.scheme.by_name.get(await field("category"))
    if category is None:
        raise BadRequest("There is no such category any more: reload the page.")
    wide = _wide(await field("wide"))
    screener = await read_screener(owner.client, owner.scheme, kind=EMAIL_WITH_LIST)
    email = _mail(screener, await field("mail"))
    if not isinstance(wanted(email, wide, screener, owner.scheme), WholeDomain | WholeList):
        raise BadRequest("No decision can be about all of that.")
    await tap(owner.client, owner.scheme, {email.sender or "": [email.id]}, category, wide)
    owner.bell.ring(TAP)
    return see_other("/")


def _wide(text: str) -> Wide:
    try:
        return Wide(text)
    except ValueError:
        raise BadRequest("A decision is about a sender, a whole domain or a whole list.") from None


def _mail(screener: Screener, id: str) -> Email:
    found = (mail for sender in screener.senders for mail in sender.mails if mail.id == id)
    if (email := next(found, None)) is None:
        raise BadRequest("This mail waits no longer: it was moved, or decided about elsewhere.")
    return email


def wanted(email: Email, wide: Wide, screener: Screener, scheme: Scheme) -> Whole | Refusal:
    """What the decision would be about, as a pass would understand the label. Raises `ConfigError`."""
    label = wide_label(screener.places, scheme, wide)
    return asked_for(moved(email, Move(add=label)), screener.places, screener.own.addresses)


def caught(whole: Whole, screener: Screener) -> list[Caught]:
    """Who waits and would be decided about."""

    def is_caught(waiting: WaitingSender) -> bool:
        return any(whole.covers(mail) for mail in waiting.mails)

    return [Caught(each.sender or "", called(each.sender, each.name)) for each in screener.senders if is_caught(each)]
