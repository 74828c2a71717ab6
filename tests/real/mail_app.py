"""The user's mail app on a real server: plain JMAP over httpx, one method call per request."""

from dataclasses import dataclass
from typing import Any

import httpx

from tests.real.mailbox_user import MailboxUser

USING = ("urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail", "urn:ietf:params:jmap:submission")


@dataclass(frozen=True, slots=True)
class MailApp:
    """One user's account. A mail is known by its subject, which must be its own."""

    http: httpx.Client
    user: MailboxUser

    def deliver(self, mailbox: str, sender: str, *subjects: str) -> None:
        """Mails arrive; `sender` is the From header as it stands."""
        self.user.append(mailbox, *(message(sender, subject) for subject in subjects))

    def receive(self, mailbox: str, subject: str, *header: str) -> None:
        """A mail arrives with these header fields beside those that every mail has, From not being one of them."""
        self.user.append(mailbox, message_with(subject, *header))

    def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """The arguments of the reply (RFC 8620, section 3.4)."""
        calls = [[method, {"accountId": self.user.name, **arguments}, "0"]]
        reply = self.http.post("/jmap/", json={"using": USING, "methodCalls": calls})
        name, result, _ = reply.raise_for_status().json()["methodResponses"][0]
        assert name == method, result
        assert isinstance(result, dict)
        return result

    def ids(self, **condition: Any) -> list[str]:
        """The ids of the mails that a filter condition (RFC 8621, section 4.4.1) finds."""
        found = self.call("Email/query", filter=condition)["ids"]
        assert isinstance(found, list)
        return found

    def id_of(self, subject: str) -> str:
        """The id of the mail with this subject, whether it is indexed or not."""
        (id,) = [str(mail["id"]) for mail in self._mails() if mail["subject"] == subject]
        return id

    def mailbox_ids(self) -> dict[str, str]:
        """Ids by name."""
        return {mailbox["name"]: mailbox["id"] for mailbox in self.call("Mailbox/get")["list"]}

    def places(self) -> dict[str, set[str]]:
        """The names of the mailboxes of every mail, by subject."""
        names = {id: name for name, id in self.mailbox_ids().items()}
        return {mail["subject"]: {names[id] for id in mail["mailboxIds"]} for mail in self._mails()}

    def keywords(self) -> dict[str, set[str]]:
        """The keywords of every mail, by subject."""
        return {mail["subject"]: set(mail["keywords"]) for mail in self._mails()}

    def label(self, subject: str, label: str) -> None:
        self._place(subject, label, True)

    def unlabel(self, subject: str, label: str) -> None:
        self._place(subject, label, None)

    def _place(self, subject: str, mailbox: str, value: object) -> None:
        id = self.id_of(subject)
        patch = {f"mailboxIds/{self.mailbox_ids()[mailbox]}": value}
        assert self.call("Email/set", update={id: patch})["updated"] == {id: None}

    def _mails(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for id_list in _parts(self.call("Email/query")["ids"]):
            found += self.call("Email/get", ids=id_list, properties=["subject", "mailboxIds", "keywords"])["list"]
        return found


def _parts(ids: list[str], size: int = 1_000) -> list[list[str]]:
    return [ids[start : start + size] for start in range(0, len(ids), size)]


def message(sender: str, subject: str) -> bytes:
    """A mail whose From header is `sender` as it stands, in UTF-8 (RFC 6532)."""
    return message_with(subject, f"From: {sender}", f"Message-ID: <{hash((sender, subject)):x}@shop.example>")


def message_with(subject: str, *header: str) -> bytes:
    """A mail with these header fields, as they stand, and the usual ones that are not among them."""
    usual = (
        "To: user@localhost",
        "Date: Mon, 02 Mar 2026 10:00:00 +0000",
        f"Message-ID: <{hash(subject):x}@mail.example>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
    )
    given = {field.partition(":")[0].lower() for field in header}
    lines = (
        *header,
        f"Subject: {subject}",
        *(field for field in usual if field.partition(":")[0].lower() not in given),
        "",
        "Everything must go.",
        "",
    )
    return "\r\n".join(lines).encode()
