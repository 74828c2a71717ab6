"""What servers should not answer, and what it is called."""

import pytest

from mailroom.errors import MailroomError
from mailroom.sandbox import faults
from mailroom.sandbox.faults import CutAfter, CutBefore, EditSession, Fault, Reply
from mailroom.wire import Json
from tests.exhaustive import always

SECRETS = ("sandbox-token", "Bearer", "Quarterly", "ann@example.org", "Ann Lee")


def answer(*responses: Json, state: str = "s1") -> Reply:
    """An API reply, made by hand."""
    return faults.json_reply({"methodResponses": responses, "sessionState": state})


def edited(**changes: object) -> EditSession:
    return EditSession(lambda session: {**session, **changes})


NONSENSE: list[tuple[str, Reply, str]] = [
    ("html", faults.html(), "sent text/html, 55 bytes; expected a JSON document"),
    ("half-json", faults.half_json(), "expected a JSON document"),
    ("mail-in-a-place", faults.json_reply({"accounts": "Ann Lee <ann@example.org>"}), "malformed at "),
    ("list", faults.json_reply([]), "malformed at the top"),
    ("deep", Reply(body=b"[" * 200_000), "expected a JSON document"),
    ("surrogates", Reply(body=b'{"state": "\xed\xa0\x80"}'), "expected a JSON document"),
    ("not-gzip", Reply(body=b"{}", headers=(("Content-Encoding", "gzip"),)), "expected whole and valid gzip"),
    ("bad-request", Reply(400, b"<p>no", "text/html"), "HTTP 400"),
    ("half-a-mail", Reply(body=b'{"from": "Ann Lee <ann@example.org>", "subject": "Quarterly'), "a JSON document"),
    ("mail-as-refusal", Reply(400, b"Ann Lee <ann@example.org> Quarterly figures", "text/plain"), "HTTP 400"),
    ("empty", Reply(), "0 bytes; expected a JSON document"),
    ("null", faults.json_reply(None), "malformed at the top"),
    ("number", faults.json_reply(5), "malformed at the top"),
    ("error-with-200", faults.json_reply({"type": "urn:ietf:params:jmap:error:notRequest"}), "malformed at "),
    ("deep-object", Reply(body=b'{"a":' * 200_000), "expected a JSON document"),
    ("huge-number", Reply(body=b"1" * 100_000), "expected a JSON document"),
    ("latin-1", Reply(body='{"state": "é"}'.encode("latin-1")), "expected a JSON document"),
    ("utf-16", Reply(body='{"state": "x"}'.encode("utf-16")), "expected a JSON document"),
    ("brotli", Reply(body=b"{}", headers=(("Content-Encoding", "br"),)), "expected gzip, or no content encoding"),
    ("no-content", Reply(204), "expected a JSON document"),
    ("not-found", Reply(404, b"<p>no", "text/html"), "HTTP 404"),
    ("not-allowed", Reply(405), "HTTP 405"),
    ("too-large", Reply(413), r"takes no request as large as this one \(HTTP 413\); .* a proxy before it"),
    ("not-modified", Reply(304), "HTTP 304"),
]

OUTAGES: list[tuple[str, Fault, float | None]] = [
    ("429-seconds", faults.status(429, retry_after="120"), 120),
    ("503", faults.status(503, retry_after="7"), 7),
    ("cut-after", CutAfter(), None),
    ("429", faults.status(429), None),
    ("429-past", faults.status(429, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"), 0),
    ("429-garbage", faults.status(429, retry_after="1e999"), None),
    ("429-problem", faults.problem("limit", 429, limit="maxConcurrentRequests"), None),
    ("500", faults.status(500), None),
    ("502-html", faults.html(502), None),
    ("504", faults.status(504), None),
    ("cut-before", CutBefore(), None),
]

with_nonsense = pytest.mark.parametrize(
    ("fault", "message"), always(8, (pytest.param(fault, message, id=name) for name, fault, message in NONSENSE))
)
with_outages = pytest.mark.parametrize(
    ("fault", "retry_after"), always(3, (pytest.param(fault, wait, id=name) for name, fault, wait in OUTAGES))
)


def assert_clean(error: MailroomError) -> None:
    """No message holds a secret or any part of a mail."""
    assert not [secret for secret in SECRETS if secret in f"{error} {error!r}"]
