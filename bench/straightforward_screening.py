"""The yardstick for new mail: a screener as one would write it at first, one mail after the other, step by step.

For each new mail, in this order: search the sender's card, search Sent for what the user wrote to them, move the mail
or mark it. Each step is a request and waits for the one before: 3 for a mail. It knows nothing of threads, groups, let
through, forgeries, crashes, or what others do meanwhile, which would cost more.
"""

from typing import Any

from bench.straightforward import Arguments, Book, Jmap
from mailroom.decisions.keywords import FROM_INBOX, SEEN, WAITING


class StraightforwardScreener:
    """One pass over one account. Making one costs a request: the mailboxes' ids."""

    def __init__(self, jmap: Jmap, book: Book) -> None:
        self._jmap = jmap
        self._book = book
        self._account = jmap.session.mail_account
        mailboxes = jmap.ask(("Mailbox/get", {"accountId": self._account, "ids": None}))[0]["list"]
        self._ids = {mailbox["role"] or mailbox["name"]: mailbox["id"] for mailbox in mailboxes}

    def run(self) -> None:
        """Judge everything in the Inbox that has no mark. Raises `RuntimeError` or `httpx.HTTPError`."""
        for mail in self._jmap.find("Email", self._account, {"inMailbox": self._ids["inbox"], "notKeyword": SEEN}):
            address = mail["from"][0]["email"]
            self._write(mail, known=self._has_card(address) or self._was_written_to(address))

    def _has_card(self, address: str) -> bool:
        search = self._book.search(address)
        return self._book.has(address, self._jmap.ask(*search) if search else ())

    def _was_written_to(self, address: str) -> bool:
        to = {"operator": "OR", "conditions": [{"to": address}, {"header": ["To", address]}]}
        sent = {"operator": "AND", "conditions": [{"inMailbox": self._ids["sent"]}, to]}
        return bool(self._jmap.find("Email", self._account, sent))

    def _write(self, mail: Any, *, known: bool) -> None:
        patch: Arguments = {f"keywords/{SEEN}": True}
        if not known:
            patch |= {f"keywords/{each}": True for each in (WAITING, FROM_INBOX)}
            patch |= {f"mailboxIds/{self._ids['Screener']}": True, f"mailboxIds/{self._ids['inbox']}": None}
        self._jmap.ask(("Email/set", {"accountId": self._account, "update": {mail["id"]: patch}}))
