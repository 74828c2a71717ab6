"""Faults of the network, and of what the mail server answers over HTTP."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from ssl import SSLContext

from mailroom.sandbox import faults
from mailroom.sandbox.errors import Json
from mailroom.sandbox.faults import Endpoint
from tests.courses import behind_tls, dripping, reset_in_answer, reset_in_request
from tests.faults.certificates import Certificates
from tests.faults.fault import Fault, Strike, Told
from tests.faults.strikes import answers, asks_for_patience, away, mail_server, on_the_way, session_names
from tests.faults.world import Setup, World

OUTAGE = "passes fail, ever less often; health is red; filed after the end"
OUTAGE_OF_API = f"{OUTAGE}; push stays"


def shows(choose: Callable[[Certificates], SSLContext]) -> Strike:
    """The mail server has another certificate."""

    @asynccontextmanager
    async def strike(world: World) -> AsyncIterator[None]:
        assert world.tls is not None
        assert world.certificates is not None
        world.tls.course = behind_tls(choose(world.certificates))
        world.tls.hang_up()
        yield
        world.tls.course = behind_tls(world.certificates.good)

    return strike


def at_an_unknown_host(session: Json) -> Json:
    names = {"apiUrl": "https://mail.invalid/jmap/api/", "eventSourceUrl": "https://mail.invalid/jmap/event/"}
    return session | names


def outage(name: str, strike: Strike, said: str) -> Fault:
    """Nothing works any more, and both the passes and push say why."""
    told = (Told("poll_failed", said), Told("eventsource_disconnected", said))
    return Fault(name, OUTAGE, strike, told, push="disconnected", push_error=said)


def api_outage(name: str, strike: Strike, said: str) -> Fault:
    """The API alone doesn't work."""
    return Fault(name, OUTAGE_OF_API, strike, (Told("poll_failed", said),))


def behind_tls_outage(name: str, choose: Callable[[Certificates], SSLContext], said: str) -> Fault:
    return replace(outage(name, shows(choose), said), setup=Setup(tls=True))


def patient(fault: Fault) -> Fault:
    """The server is asked no sooner than it wants."""
    return replace(fault, most_per_minute=4, recovers=200.0)


def slow(fault: Fault) -> Fault:
    """It takes the deadline until anything is told."""
    return replace(fault, slow=True)


API = Endpoint.API

FAULTS = (
    outage("connection refused", away(mail_server), "ConnectError"),
    outage("DNS: no such host", session_names(at_an_unknown_host), "https://mail.invalid: ConnectError"),
    behind_tls_outage("TLS: unknown authority", lambda their: their.unknown_authority, "CERTIFICATE_VERIFY"),
    behind_tls_outage("TLS: wrong host", lambda their: their.wrong_host, "Hostname mismatch"),
    behind_tls_outage("TLS: expired", lambda their: their.expired, "certificate has expired"),
    api_outage("reset in the middle of a request", on_the_way(reset_in_request(b'"methodCalls"')), "Error"),
    api_outage("reset in the middle of an answer", on_the_way(reset_in_answer(b'"methodResponses"')), "ReadError"),
    Fault(
        "reset in the answer to the last write",
        "the pass fails and is repeated; the label is off once, card and note are there once",
        on_the_way(reset_in_answer(b'"Email/set"')),
        told=(Told("poll_failed", "ReadError"),),
        filed=True,
        healthy=True,
    ),
    api_outage("closed before the API acts", answers(faults.CutBefore(), API), "RemoteProtocolError"),
    slow(api_outage("answer later than the deadline", answers(faults.Delay(45), API), "no whole answer in 30 s")),
    slow(outage("answers drip, a byte a second", on_the_way(dripping(1)), "30 s")),
    patient(outage("429, Retry-After in seconds", answers(faults.status(429, retry_after="120"), None), "HTTP 429")),
    patient(outage("429, Retry-After as a date", asks_for_patience(120), "HTTP 429")),
    api_outage("400, a limit is reached", answers(faults.problem("limit", 400), API), "request limit"),
    *(outage(f"HTTP {code}", answers(faults.status(code), None), f"HTTP {code}") for code in (404, 500, 502, 503)),
    outage("a login page, 200", answers(faults.html(), None), "text/html"),
    outage("redirects elsewhere", answers(faults.redirect("http://127.0.0.1:9/"), None), "redirects"),
    api_outage("JSON cut short", answers(faults.half_json(), API), "expected a JSON document"),
    api_outage("JSON that is no answer", answers(faults.json_reply([]), API), "malformed"),
    api_outage("calls not answered", answers(faults.json_reply({"methodResponses": []}), API), "not answered"),
)
