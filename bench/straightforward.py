"""The yardstick: triage as one would write it at first, one sender after the other, one request for each step.

For each sender, in this order: search its mail and its card, create the card, put it into its groups, sweep its other
mails into their mailboxes, take the label off. Each step is a request and waits for the one before: 5 for a sender.
Over CardDAV the card is searched for in a request of its own, and each group is one, which makes 7 or 8. One connection
is kept alive, nothing sleeps. It knows nothing of crashes, limits, conflicts, known senders, or edits by others, which
would cost more.

Texts (card, note, uid) come from Mailroom's pure functions, so that both must end in the same account.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import httpx

from mailroom.config.scheme import DEFAULT_SCHEME, Category
from mailroom.contacts import dav_requests, group_vcard, jscontact, vcard, webdav
from mailroom.contacts.base import Group, NewCard
from mailroom.contacts.dav_requests import Query
from mailroom.decisions import note
from mailroom.decisions.contact import fields_for, new_uid
from mailroom.http import Reply
from mailroom.jmap.session import CONTACTS, CORE, MAIL, Session

SCHEME = DEFAULT_SCHEME
PROPERTIES = {"Email": ("id", "mailboxIds", "from")}
"""What is asked for of the objects of a kind; all of the others."""

Arguments = dict[str, Any]
Call = tuple[str, Arguments]


class Book(Protocol):
    """An address book, every method a request unless it says something else."""

    def search(self, address: str) -> tuple[Call, ...]:
        """No request: what looks for the sender's card beside the search for mail; nothing over CardDAV."""
        ...

    def has(self, address: str, found: Sequence[Any]) -> bool:
        """Whether there is a card; `found` are the answers to `search`. No request over JMAP."""
        ...

    def create(self, card: NewCard) -> None: ...

    def join(self, groups: Sequence[str], uid: str) -> None:
        """One request over JMAP, one for each group over CardDAV."""
        ...


@dataclass
class Jmap:
    """A JMAP server, asked one thing at a time; `http` is logged in."""

    http: httpx.Client
    session: Session

    def ask(self, *calls: Call) -> list[Any]:
        """One request, no method twice: a call's id is its name. The answers to the calls."""
        using = [CORE, MAIL, *([CONTACTS] if self.session.contacts_account else [])]
        body = {"using": using, "methodCalls": [[name, arguments, name] for name, arguments in calls]}
        reply = self.http.post(self.session.api_url, json=body).raise_for_status().json()
        for name, arguments, _ in reply["methodResponses"]:
            if name == "error" or arguments.get("notUpdated") or arguments.get("notCreated"):
                raise RuntimeError(f"the straightforward way met an error: {name} {arguments}")
        return [arguments for _, arguments, _ in reply["methodResponses"]]

    def find(self, kind: str, account: str | None, filter: Arguments) -> list[Any]:
        """One request: a search, and the objects that it finds."""
        found: list[Any] = self.ask(*search(kind, account, filter))[1]["list"]
        return found


def search(kind: str, account: str | None, filter: Arguments) -> tuple[Call, Call]:
    """The calls of a search."""
    ids = {"resultOf": f"{kind}/query", "name": f"{kind}/query", "path": "/ids"}
    query = (f"{kind}/query", {"accountId": account, "filter": filter})
    return query, (f"{kind}/get", {"accountId": account, "#ids": ids, "properties": PROPERTIES.get(kind)})


class JmapBook:
    """Contacts over JMAP. Making one costs two requests: the address book's id, and the groups."""

    def __init__(self, jmap: Jmap) -> None:
        self._jmap = jmap
        self._account = jmap.session.contacts_account
        books = jmap.ask(("AddressBook/get", {"accountId": self._account, "ids": None}))[0]["list"]
        self._book = books[0]["id"]
        groups = jmap.find("ContactCard", self._account, {"kind": "group"})
        self._groups = {group["name"]["full"]: group["id"] for group in groups}
        self._begun = {group["name"]["full"] for group in groups if "members" in group}

    def search(self, address: str) -> tuple[Call, ...]:
        return search("ContactCard", self._account, {"email": address})

    def has(self, address: str, found: Sequence[Any]) -> bool:
        return bool(found[-1]["list"])

    def create(self, card: NewCard) -> None:
        self._set(create={"new": jscontact.new_card(card, self._book)})

    def join(self, groups: Sequence[str], uid: str) -> None:
        self._set(update={self._groups[name]: self._membership(name, uid) for name in groups})
        self._begun.update(groups)

    def _membership(self, group: str, uid: str) -> Arguments:
        return {f"members/{uid}": True} if group in self._begun else {"members": {uid: True}}

    def _set(self, **what: Arguments) -> None:
        self._jmap.ask(("ContactCard/set", {"accountId": self._account, **what}))


class CardDavBook:
    """Contacts over CardDAV. Making one costs a request: the groups, whose texts are kept."""

    def __init__(self, http: httpx.Client, url: httpx.URL) -> None:
        self._http = http
        self._url = url
        self._groups: dict[str, webdav.Resource] = {}
        for resource in self._report(Query(dav_requests.GROUPS).texts()):
            read = vcard.read(str(resource.url), resource.card or "")
            if isinstance(read, Group):
                self._groups[read.name] = resource

    def search(self, address: str) -> tuple[Call, ...]:
        return ()

    def has(self, address: str, found: Sequence[Any]) -> bool:
        return bool(self._report(Query(dav_requests.addresses([address])).texts()))

    def create(self, card: NewCard) -> None:
        self._put(self._url.join(f"{card.uid}.vcf"), vcard.new_card(card), {"If-None-Match": "*"})

    def join(self, groups: Sequence[str], uid: str) -> None:
        for name in groups:
            group = self._groups[name]
            text = group_vcard.with_members(group.card or "", [uid])
            etag = self._put(group.url, text, {"If-Match": group.etag})
            (self._groups[name],) = (
                [webdav.Resource(group.url, etag=etag, card=text)]
                if etag
                else self._report(dav_requests.cards_at([group.url]))  # the server changed the text
            )

    def _put(self, url: httpx.URL, text: str, condition: dict[str, str]) -> str:
        """Returns the new ETag, if the server tells it."""
        headers = {"Content-Type": "text/vcard; charset=utf-8", **condition}
        return str(
            self._http.put(url, content=text.encode(), headers=headers).raise_for_status().headers.get("ETag", "")
        )

    def _report(self, body: bytes) -> list[webdav.Resource]:
        headers = {"Content-Type": "application/xml; charset=utf-8", "Depth": "1"}
        response = self._http.request("REPORT", self._url, headers=headers, content=body)
        return list(webdav.read_multistatus(Reply(response, response.content)))


class Straightforward:
    """One pass over one account. Making one costs a request: the mailboxes' ids."""

    def __init__(self, jmap: Jmap, book: Book, now: datetime) -> None:
        self._jmap = jmap
        self._book = book
        self._now = now
        self._account = jmap.session.mail_account
        mailboxes = jmap.ask(("Mailbox/get", {"accountId": self._account, "ids": None}))[0]["list"]
        self._ids = {mailbox["role"] or mailbox["name"]: mailbox["id"] for mailbox in mailboxes}

    def run(self) -> None:
        """Settle everybody with a labelled mail. Raises `RuntimeError` or `httpx.HTTPError`."""
        categories = {self._ids[category.label]: category for category in SCHEME.categories}
        anywhere = {"operator": "OR", "conditions": [{"inMailbox": id} for id in categories]}
        labelled = self._jmap.find("Email", self._account, anywhere)
        for mail in labelled:
            (label,) = mail["mailboxIds"].keys() & categories
            self._settle(mail, categories[label])

    def _settle(self, labelled: Any, category: Category) -> None:
        sender = labelled["from"][0]
        address = sender["email"]
        for_mail = search("Email", self._account, {"from": address})
        _, found, *cards = self._jmap.ask(*for_mail, *self._book.search(address))
        mails = [mail for mail in found["list"] if _address(mail) == address]
        if self._book.has(address, cards):
            raise RuntimeError("the straightforward way treats new senders only")
        uid = new_uid(self._account, address)
        text = note.recorded("", category.name, self._now, note.CREATED)
        self._book.create(NewCard(uid, address, fields_for(sender["name"], category.contact_type), text))
        self._book.join(
            [SCHEME.provenance_group, *(each.contact_group for each in SCHEME.chain(category))],
            uid,
        )
        self._move([mail for mail in mails if mail["id"] != labelled["id"]], category, [SCHEME.screener])
        self._move([labelled], category, [SCHEME.screener, category.label])

    def _move(self, mails: Iterable[Any], category: Category, out_of: Iterable[str]) -> None:
        into = [each.destination_mailbox for each in SCHEME.chain(category)]
        into += ["inbox"] if category.add_to_inbox else []
        patch: Arguments = {f"mailboxIds/{self._ids[name]}": True for name in into}
        patch |= {f"mailboxIds/{self._ids[name]}": None for name in out_of}
        update = {mail["id"]: patch for mail in mails}
        self._jmap.ask(("Email/set", {"accountId": self._account, "update": update}))


def _address(mail: Any) -> str:
    return str(mail["from"][0]["email"])
