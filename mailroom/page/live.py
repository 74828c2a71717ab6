"""What changes while somebody looks: one stream of events for each open page, all fed by one task an account.

Streams are sent what a card has become, and who waits. They keep nothing: a page that was away is told all anew.
"""

import json
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog
import trio
from quart import Response, request
from quart_trio import QuartTrio

from mailroom.errors import MailroomError
from mailroom.observe.outcome import Deed, PassOutcome
from mailroom.page.guard import session
from mailroom.page.lines import line_of_deed, shown_line
from mailroom.page.owner import Owner
from mailroom.page.words import crowd, key_of
from mailroom.senders.screener import read_screener

log = structlog.get_logger(component="page")

_EVENTS_KEPT = 64
"""A page that takes none for longer is hung up on; it comes back, and is told all anew."""

_SILENCE_SECONDS = 15.0
"""Proxies hang up on streams that say nothing for longer."""

_UNKNOWN = -1
"""A number of mails that none is equal to."""

_MOST_KEYS = 5_000
"""Of more senders only the number is told."""


@dataclass(frozen=True, slots=True)
class WhoWaits:
    """The cards' keys with when their newest mail came, the newest first; and how many mails they have together."""

    newest: Sequence[tuple[str, str]]
    mails: int

    def event(self, since: str) -> str:
        """How many wait, who, and who of them has come since a page was made."""
        keys = [key for key, _ in self.newest]
        is_all = len(keys) <= _MOST_KEYS
        new = [key for key, newest in self.newest if newest > since][:_MOST_KEYS] if since else []
        told = {"count": len(keys), "crowd": crowd(len(keys), self.mails), "keys": keys if is_all else None, "new": new}
        return _event("waiting", json.dumps(told))


@dataclass(eq=False)
class _Hub:
    """The streams of one owner, of whom there is at least one."""

    owner: Owner
    streams: set[trio.MemorySendChannel[str | WhoWaits]] = field(default_factory=set)
    watch: trio.CancelScope = field(default_factory=trio.CancelScope)

    def tell(self, *events: str | WhoWaits) -> None:
        for stream in list(self.streams):
            try:
                for event in events:
                    stream.send_nowait(event)
            except (trio.WouldBlock, trio.BrokenResourceError):
                self.streams.discard(stream)
                stream.close()


class Live:
    """Tells all who look at these accounts, by name. Its tasks run in `nursery`; at its end all streams end."""

    def __init__(self, nursery: trio.Nursery, owners: Mapping[str, Owner]) -> None:
        self._nursery = nursery
        self._owners = owners
        self._hubs: dict[Owner, _Hub] = {}

    def add_routes(self, app: QuartTrio) -> None:
        app.add_url_rule("/live", "live", self.stream, methods=["GET"])

    def tell(self, owner: Owner, card: str) -> None:
        """A card of this owner's has become this: for all who look."""
        if (hub := self._hubs.get(owner)) is not None:
            hub.tell(_event("card", card))

    async def stream(self) -> Response:
        since = request.args.get("since", "")[:40]
        owner = session().owner
        response = Response(
            self._events(owner, since), content_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )
        response.timeout = None
        return response

    async def _events(self, owner: Owner, since: str) -> AsyncIterator[bytes]:
        hub = self._watched(owner)
        send, receive = trio.open_memory_channel[str | WhoWaits](_EVENTS_KEPT)
        hub.streams.add(send)
        try:
            yield b"retry: 2000\n\n"
            if (waiting := await _who_waits(owner)) is not None:
                yield waiting.event(since).encode()
            # An account that is changed or taken away is another one: who looks has to log in anew.
            while self._owners.get(owner.name) is owner:
                event: str | WhoWaits | None = None
                with trio.move_on_after(_SILENCE_SECONDS):
                    event = await receive.receive()
                yield (event.event(since) if isinstance(event, WhoWaits) else event or ":\n\n").encode()
        except trio.EndOfChannel:
            return
        finally:
            hub.streams.discard(send)
            send.close()
            receive.close()
            if not hub.streams and self._hubs.get(owner) is hub:
                del self._hubs[owner]
                hub.watch.cancel()

    def _watched(self, owner: Owner) -> _Hub:
        if (hub := self._hubs.get(owner)) is None:
            hub = self._hubs[owner] = _Hub(owner)
            self._nursery.start_soon(_watch, hub)
        return hub


async def _watch(hub: _Hub) -> None:
    """After each pass that changed something, and only while somebody looks, tell what and who waits."""
    status = hub.owner.status
    seen = status.last_success
    waiting: int | None = _UNKNOWN
    with hub.watch:
        while True:
            seen = await status.success_after(seen)
            outcome = seen.outcome
            if _is_news(outcome) or outcome.mails_waiting != waiting:
                hub.tell(*_cards(hub.owner, outcome.deeds))
                if (now := await _who_waits(hub.owner)) is not None:
                    # It was counted before the pass changed it.
                    waiting = _UNKNOWN if _is_news(outcome) else outcome.mails_waiting
                    hub.tell(now)


def _is_news(outcome: PassOutcome) -> bool:
    return bool(outcome.deeds or outcome.mails_filed or outcome.mails_screened or outcome.mails_routed)


def _cards(owner: Owner, deeds: Iterable[Deed]) -> list[str]:
    return [_event("card", shown_line(line_of_deed(deed, owner.scheme), time.monotonic_ns())) for deed in deeds]


async def _who_waits(owner: Owner) -> WhoWaits | None:
    """None where the mail server doesn't tell: the page says so by itself when it is asked for something."""
    try:
        screener = await read_screener(owner.client, owner.scheme)
    except MailroomError as failure:
        log.debug("page_not_told", error=str(failure))
        return None
    newest = [(key_of(each.sender), each.newest.received_at) for each in screener.senders]
    return WhoWaits(newest, screener.number_of_mails)


def _event(name: str, data: str) -> str:
    lines = "".join(f"data: {line}\n" for line in data.splitlines())
    return f"event: {name}\n{lines}\n"
