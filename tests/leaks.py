"""Secrets that no test has elsewhere, servers that blurt them out, and the search for them in what Mailroom says."""
# ruff: noqa: S105  passwords that are invented

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

from mailroom.sandbox import Flavour, Sandbox, faults
from mailroom.sandbox.faults import Fault, Reply
from mailroom.sandbox.sample import create_folders

TOKEN = "fmu1-Zq7WvJ4nXkR9"
PASSWORD = "pASS=wörd/8Gh2 Lm"
CARDDAV_PASSWORD = "bOOk:k3y+5Tn7Vd"
HEARTBEAT_PATH = "push/Qx6YpB3rHs"
SUBJECT = "Quarterly figures Vx4Jm"
BODY = "meet me at the Kd8Wz pier"
NAME = "Wilhelmina Tq5Rn"
NOTE = "owes me Fp9Lc crowns"

LOGINS = {"token": TOKEN, "password": PASSWORD, "CardDAV password": CARDDAV_PASSWORD, "heartbeat url": HEARTBEAT_PATH}
CONTENT = {"subject": SUBJECT, "body": BODY, "note": NOTE}
EVERYTHING = {**LOGINS, **CONTENT, "display name": NAME}

ECHO = "\r\n".join(["Authorization: Bearer " + TOKEN, *EVERYTHING.values()])
"""What a server says that repeats all that it was sent and all that it knows."""

ANN = "ann@example.org"
SENDER = f"{NAME} <{ANN}>"

REPLIES: dict[str, Fault] = {
    "500": Reply(500, ECHO.encode(), "text/plain"),
    "503": Reply(503, ECHO.encode(), "text/plain", (("Retry-After", "1"), ("X-Token", TOKEN))),
    "400": Reply(400, ECHO.encode(), "text/plain"),
    "404": Reply(404, ECHO.encode(), "text/plain"),
    "problem": faults.json_reply({"type": "urn:ietf:params:jmap:error:notRequest", "detail": ECHO}, 400),
    "limit": faults.json_reply({"type": "urn:ietf:params:jmap:error:limit", "detail": ECHO}, 400),
    "html": Reply(200, f"<html><title>{SUBJECT}</title>{ECHO}".encode(), "text/html"),
    "half JSON": Reply(200, f'{{"list": [{{"subject": "{SUBJECT}", "preview": "{BODY}'.encode()),
    "malformed": faults.json_reply({"methodResponses": {SUBJECT: ECHO}, "accounts": {SUBJECT: ECHO}}),
    "malformed at a secret": faults.json_reply({"capabilities": {SUBJECT: 1}, "accounts": {SUBJECT: {NAME: NOTE}}}),
    "redirect": faults.redirect(f"https://ann:{TOKEN}@other.example/?token={TOKEN}"),
    "redirect here": faults.redirect(f"/nowhere?token={TOKEN}&about={quote(SUBJECT)}"),
    "redirect to a host of that name": faults.redirect(f"https://{TOKEN}.example/"),
    "type": Reply(200, b"{}", TOKEN),
    "type and more": Reply(200, b"{}", f"Bearer {TOKEN}"),
    "encoding": Reply(200, b"{}", "application/json", (("Content-Encoding", TOKEN),)),
    "capability": faults.json_reply({"capabilities": {TOKEN: {}}, "accounts": {}, "apiUrl": "/"}),
    "malformed at the token": faults.json_reply({"methodResponses": [[TOKEN]], "accounts": {TOKEN: 1}}),
    "redirect to nowhere": faults.redirect(f"https://x:{TOKEN}/"),
}

STREAMS: dict[str, Fault] = {
    "no JSON": faults.Stream((f"event: state\ndata: {SUBJECT} {TOKEN}\n\n".encode(),)),
    "malformed": faults.Stream((f'event: state\ndata: {{"changed": {{"{SUBJECT}": "{TOKEN}"}}}}\n\n'.encode(),)),
    "half": faults.Stream((f"event: state\ndata: {ECHO}".encode(),), ends=True),
    "other type": faults.Stream((ECHO.encode(),), content_type="text/plain"),
}


@dataclass
class Heard:
    """What was said, by where."""

    texts: dict[str, str] = field(default_factory=dict)

    def add(self, where: str, text: str) -> None:
        self.texts[where] = self.texts.get(where, "") + text

    def leaks(self, secrets: dict[str, str] = EVERYTHING) -> list[str]:
        """Which secret is where, in whatever spelling."""
        return [
            f"{what} in {where}"
            for where, text in self.texts.items()
            for what, secret in secrets.items()
            if any(spelling in text.casefold() for spelling in spellings(secret))
        ]


def spellings(secret: str) -> set[str]:
    """Plain, as Python and JSON quote it, in a url, in base64 (of which Basic is made); without regard to case."""
    texts = {secret, repr(secret)[1:-1], ascii(secret)[1:-1], json.dumps(secret)[1:-1]}
    texts |= {quote(secret), quote(secret, safe=""), quote_plus(secret), *_in_base64(secret.encode())}
    return {text.casefold() for text in texts}


def _in_base64(secret: bytes) -> Iterable[str]:
    """Three spellings, by how many bytes stand before it, without the characters that its neighbours share."""
    for before in range(3):
        spelled = base64.b64encode(bytes(before) + secret).decode()
        whole = (before + len(secret)) // 3 * 4
        yield spelled[(4 if before else 0) : whole]


def talkative_sandbox(flavour: Flavour, secret: str) -> Sandbox:
    """An account that this token or password opens, with a contact and mail that nobody else should read."""
    sandbox = Sandbox(flavour, token=secret)
    create_folders(sandbox)
    sandbox.add_card(ANN, NAME, notes={"n1": {"note": NOTE}})
    return sandbox


def delivered(sandbox: Sandbox, sender: str = SENDER) -> str:
    return sandbox.deliver(sender, SUBJECT, body=BODY)
