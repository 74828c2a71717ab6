"""What can go wrong, as types.

    MailroomError
    ├── Unavailable   a server can't be reached or asks for patience: try again later
    │   └── ServerFailed   it stumbled over something in the request, perhaps over one sender
    ├── Refused       the credentials are wrong: trying again can't help
    ├── BadReply      the server broke the protocol: trying again might help
    │   ├── TooLarge       its answer is more than we take: asked for less, it may be fine
    │   └── TooMany        a search finds more than we take: perhaps that for one sender alone
    ├── BatchRefused  a request for several senders failed as a whole: one of them may be why
    ├── SenderFailed  one sender can't be settled: the others can
    └── ConfigError   settings or mailboxes that only the user can mend: all problems at once

`Unavailable` and `BadReply` fail a whole pass, never a sender; but `TooMany` mails are that of a sender. `Refused` and
`ConfigError` end the daemon with exit status 2. No message holds a secret or any part of a mail, and none is endless:
servers have a part in them.
"""

from collections.abc import Iterator, Sequence
from typing import Self

from mailroom.redaction import redacted

LONGEST_MESSAGE = 1_000


class MailroomError(Exception):
    """Anything that Mailroom itself raises.

    `words` is what the server said, in its own words. They may quote mail: `doctor --verbose` alone shows them.
    """

    words = ""

    def __init__(self, message: str) -> None:
        super().__init__(shortened(redacted(message)))

    def saying(self, text: str) -> Self:
        """This error, with the server's words in one line of what can be printed, without our secrets."""
        seen = "".join(each if each.isprintable() else " " for each in text[: 2 * LONGEST_MESSAGE])
        self.words = shortened(redacted(" ".join(seen.split())))
        return self


class Unavailable(MailroomError):
    """A mail or contacts server can't answer now: connect, timeout, 5xx, 429, `rateLimit`, `serverFail`.

    `retry_after` is what the server asked for, in seconds, or None.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ServerFailed(Unavailable):
    """A JMAP server answered `serverFail`: an outage, unless it stumbles over one object alone, and always."""


class Refused(MailroomError):
    """A server refused the credentials (401 or 403)."""


class BadReply(MailroomError):
    """A server broke the protocol; `expected` says what should have come instead."""

    def __init__(self, message: str, *, expected: str) -> None:
        super().__init__(f"{shortened(redacted(message), LONGEST_MESSAGE // 2)}; expected {expected}")
        self.expected = expected


class TooLarge(BadReply):
    """An answer is larger than what may be held in memory."""


class TooMany(BadReply):
    """A search finds more than may be held in memory, or doesn't end."""


class BatchRefused(MailroomError):
    """A request for several senders was refused as a whole; in smaller ones, it may be that of a single sender."""


class SenderFailed(MailroomError):
    """One sender can't be settled; the message says why. It fails no other sender and no pass."""


class ConfigError(MailroomError):
    """What the user has to mend before a start can work: one line a problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        # Not shortened: each problem is one to mend, and about the user's own words.
        self.problems = tuple(map(redacted, problems))
        Exception.__init__(self, "\n".join(self.problems))


def shortened(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def leaves(error: Exception) -> Iterator[Exception]:
    """The errors themselves, where nurseries wrapped them in groups."""
    if isinstance(error, ExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error
