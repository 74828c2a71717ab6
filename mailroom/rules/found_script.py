"""What a Sieve script says that is found on the server: one of Mailroom's, or the user's own (pure)."""

import re
from collections.abc import Iterator

from mailroom.config.scheme import Scheme
from mailroom.rules.sieve import CATCH_ALL, MARKER, include_line
from mailroom.rules.sieve_tests import quoted, unquoted

_STRING_OR_COMMENT = re.compile(
    r'"(?:[^"\\]|\\.)*"|\btext:[ \t]*(?:#[^\n]*)?\n(?:.*?\n)?\.\n|#[^\n]*|/\*.*?\*/', re.DOTALL
)

_FILED_BY_ID = re.compile(r'^ *fileinto [^"\n]*:mailboxid ("(?:[^"\\]|\\.)*") ("(?:[^"\\]|\\.)*");', re.MULTILINE)


def included(text: str) -> str | None:
    """The script that a script of Mailroom's includes, or None."""
    start, end = include_line("").split('""')
    for line in text.replace("\r\n", "\n").split("\n"):
        if line.startswith(start) and line.endswith(end):
            return unquoted(line.removeprefix(start).removesuffix(end))
    return None


def mailbox_ids(text: str) -> dict[str, str]:
    """The ids that a script of Mailroom's files into, by the names that the mailboxes had when it was written."""
    return {unquoted(name): unquoted(id) for id, name in _FILED_BY_ID.findall(text)}


def is_made_by_mailroom(text: str) -> bool:
    """Whether Mailroom wrote this script, so that it may write it anew."""
    return text.lstrip("\ufeff").startswith(MARKER)


def screens_strangers(text: str) -> bool:
    """Whether a script holds Mailroom's last rule: mail of everybody in no group goes to the Screener."""
    return any(line.strip() == f"# {CATCH_ALL}" for line in text.splitlines())


def runs(text: str, name: str) -> bool:
    """Whether a script runs another one, that of this name, by `include`."""
    return bool(_includes(text, name))


def needs(text: str, name: str) -> bool:
    """Whether a script fails at delivery without the other one: it includes it, and not as `:optional`."""
    return any(":optional" not in command for command in _includes(text, name))


def _includes(text: str, name: str) -> list[str]:
    commands = _STRING_OR_COMMENT.sub(lambda found: found[0] if found[0].startswith('"') else " ", text)
    return re.findall(rf"\binclude\b[^;]*{re.escape(quoted(name))}", commands)


def warnings_about(scheme: Scheme, text: str) -> Iterator[str]:
    """What of the user's own script doesn't go together with the rules, one line each."""
    if not scheme.screening.is_on and _goes_on_after_filing(text):
        yield (
            "your own script files or keeps mail and goes on, so that the rules put that mail into the Screener, too: "
            "write `stop;` after each `fileinto` and `keep` there"
        )


def _goes_on_after_filing(text: str) -> bool:
    """Whether mail that the script has filed reaches its end: no `stop` follows, in that block or one around it."""
    open_at: list[int] = []
    depth = 0
    for command in re.split(r"(?<=[;{}])", _STRING_OR_COMMENT.sub(" ", text)):
        words = command.split()
        if words[:1] == ["stop;"] or words == ["stop", ";"]:
            open_at = [level for level in open_at if level != depth]
        elif words and words[0].rstrip(";") in ("fileinto", "keep") and ":copy" not in words:
            open_at.append(depth)
        depth += command.endswith("{") - command.endswith("}")
        open_at = [min(level, depth) for level in open_at]
    return bool(open_at)
