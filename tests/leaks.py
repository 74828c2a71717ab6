"""Secrets that no test has elsewhere, and the search for them in all that Mailroom says."""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

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
