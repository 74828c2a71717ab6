"""Run the part of Sieve (RFC 5228) that Mailroom writes: enough to see where a mail ends.

It parses commands and blocks as the grammar has them, and fails on whatever it doesn't know.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import unquote

TOKEN = re.compile(r'\s+|\#[^\n]*|"(?P<text>(?:[^"\\]|\\.)*)"|(?P<word>:?[\w.]+)|(?P<mark>[\[\](){},;])', re.DOTALL)


@dataclass(frozen=True)
class Text:
    value: str


@dataclass
class Delivery:
    """A mail on its way: who wrote it and in which groups the sender is; where it has gone so far.

    `list_id`, `to` and `subject` are what the header says, `others` is the number of further addresses in From; `lists`
    maps a list that the server knows to its group, `group_uids` a uid.
    """

    sender: str
    groups: frozenset[str] = frozenset()
    others: int = 0
    list_id: str = ""
    to: str = ""
    subject: str = ""
    lists: Mapping[str, str] = field(default_factory=dict)
    group_uids: Mapping[str, str] = field(default_factory=dict)
    mailbox_names: Mapping[str, str] = field(default_factory=dict)
    filed: set[str] = field(default_factory=set)
    keeps: bool = True
    required: set[str] = field(default_factory=set)
    included: list[str] = field(default_factory=list)

    def ending(self) -> frozenset[str]:
        return frozenset(self.filed | ({"Inbox"} if self.keeps else set()))


def deliver(script: str, delivery: Delivery) -> frozenset[str]:
    """Run a script; returns the names of the mailboxes that the mail is in."""
    _Run(_tokens(script), delivery).commands(run=True)
    return delivery.ending()


def _tokens(script: str) -> list[str | Text]:
    found: list[str | Text] = []
    position = 0
    while position < len(script):
        match = TOKEN.match(script, position)
        assert match, f"no Sieve: {script[position : position + 40]!r}"
        position = match.end()
        if match["text"] is not None:
            found.append(Text(re.sub(r"\\(.)", r"\1", match["text"], flags=re.DOTALL)))
        elif word := match["word"] or match["mark"]:
            found.append(word)
    return found


class _Run:
    def __init__(self, tokens: list[str | Text], delivery: Delivery) -> None:
        self.tokens = tokens
        self.delivery = delivery

    def next(self) -> str | Text:
        return self.tokens.pop(0)

    def take(self, wanted: str) -> None:
        found = self.next()
        assert found == wanted, f"{found} where {wanted} should be"

    def commands(self, *, run: bool) -> None:
        """Commands up to the end of the block or of the script."""
        while self.tokens and self.tokens[0] != "}":
            word = self.next()
            if word == "if":
                self.branches(run=run)
            else:
                assert isinstance(word, str)
                self.action(word, run=run)

    def branches(self, *, run: bool) -> None:
        chosen = self.branch(run=run, test=True)
        while self.tokens and self.tokens[0] in ("elsif", "else"):
            is_else = self.next() == "else"
            chosen |= self.branch(run=run and not chosen, test=not is_else)

    def branch(self, *, run: bool, test: bool) -> bool:
        is_true = self.test() if test else True
        self.take("{")
        self.commands(run=run and is_true)
        self.take("}")
        return is_true

    def action(self, word: str, *, run: bool) -> None:
        tags: set[str] = set()
        texts: list[list[str]] = []
        while self.tokens[0] != ";":
            if isinstance(self.tokens[0], str) and self.tokens[0].startswith(":"):
                tags.add(str(self.next()))
            else:
                texts.append(self.strings())
        self.take(";")
        if run:
            self.act(word, tags, texts)

    def act(self, word: str, tags: set[str], texts: list[list[str]]) -> None:
        delivery = self.delivery
        match word:
            case "require":
                delivery.required.update(texts[0])
            case "keep":
                delivery.keeps = True
            case "include":
                delivery.included += texts[0]
            case "fileinto":
                self.need("fileinto", *({":copy": "copy", ":create": "mailbox"}.get(tag, tag[1:]) for tag in tags))
                name = texts[-1][0]
                if ":mailboxid" in tags:
                    name = delivery.mailbox_names.get(texts[0][0], name)
                delivery.filed.add(name)
                delivery.keeps = delivery.keeps and ":copy" in tags
            case _:
                raise AssertionError(f"no action of Mailroom's: {word}")

    def need(self, *extensions: str) -> None:
        assert delivery_has(self.delivery, extensions), f"{extensions} not required"

    def test(self) -> bool:
        match self.next():
            case "not":
                return not self.test()
            case "anyof":
                return any(self.tests())
            case "allof":
                return all(self.tests())
            case "valid_ext_list":
                self.need("extlists")
                return all(name in self.delivery.lists for name in self.strings())
            case "jmapquery":
                self.need("vnd.cyrus.jmapquery")
                query = json.loads(self.strings()[0])
                return self.delivery.group_uids[query["fromContactGroupId"]] in self.delivery.groups
            case "address":
                return self.address()
            case "header":
                return self.header()
            case unknown:
                raise AssertionError(f"no test of Mailroom's: {unknown}")

    def tests(self) -> list[bool]:
        self.take("(")
        found = [self.test()]
        while self.tokens[0] == ",":
            self.take(",")
            found.append(self.test())
        self.take(")")
        return found

    def address(self) -> bool:
        if self.tokens[0] == ":list":
            self.take(":list")
            self.need("extlists")
            assert self.strings() == ["from"]
            return bool({self.delivery.lists.get(name) for name in self.strings()} & self.delivery.groups)
        if self.tokens[0] == ":count":
            return self.count()
        is_pattern = {":is": False, ":matches": True}[str(self.tokens.pop(0))]
        part = self.tokens.pop(0)
        found = (self.delivery.sender if self.strings() == ["from"] else self.delivery.to).lower()
        compared = {":all": found, ":domain": found.rpartition("@")[2]}[str(part)]
        texts = [each.lower() for each in self.strings()]
        assert texts, "Sieve has no empty list"
        return any(fnmatchcase(compared, each) if is_pattern else compared == each for each in texts)

    def header(self) -> bool:
        is_part = {":is": False, ":contains": True}[str(self.tokens.pop(0))]
        (name,) = self.strings()
        found = {"list-id": self.delivery.list_id, "subject": self.delivery.subject}[name].lower()
        texts = [each.lower() for each in self.strings()]
        return any(each in found if is_part else each == found for each in texts)

    def count(self) -> bool:
        self.take(":count")
        assert self.string() == "gt"
        self.take(":comparator")
        self.need("relational", f"comparator-{self.string()}")
        self.take(":all")
        assert self.strings() == ["from"]
        return 1 + self.delivery.others > int(self.string())

    def strings(self) -> list[str]:
        if self.tokens[0] != "[":
            return [self.string()]
        self.take("[")
        found = [self.string()]
        while self.tokens[0] == ",":
            self.take(",")
            found.append(self.string())
        self.take("]")
        return found

    def string(self) -> str:
        text = self.next()
        assert isinstance(text, Text), f"{text} where a string should be"
        return text.value


def delivery_has(delivery: Delivery, extensions: tuple[str, ...]) -> bool:
    return delivery.required.issuperset(extensions)


def group_of(uri: str) -> str:
    """The group that a list's URI names."""
    return unquote(uri.rpartition(":")[2])
