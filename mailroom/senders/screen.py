"""The Inbox judged once, when its owner asks for it: found, judged and written by the functions of a pass.

It goes in parts, who wrote last first, and remembers nothing: whatever cuts it off, the next run finds the rest, as
mail that is done carries its mark. A daemon beside it does no harm: each write counts only if nobody changed mail since
it was judged.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import SecretStr

from mailroom.config.scheme import Scheme
from mailroom.contacts.base import Contacts
from mailroom.decisions.judge import Outcome, Verdict
from mailroom.decisions.marks import MOST, WorkList
from mailroom.decisions.places import inbox_of
from mailroom.decisions.select import by_age, sender_of
from mailroom.jmap.batch import Batch, slices
from mailroom.jmap.client import Client
from mailroom.jmap.mail import EMAIL, Email
from mailroom.jmap.query import search
from mailroom.triage.look_up import look_up
from mailroom.triage.new_mail import NewFound, Window, arrival, new_in_inbox
from mailroom.triage.one_pass import Moved, Pass
from mailroom.triage.screening import Written, settle, stage, strangers, verdicts, with_patches
from mailroom.triage.start_check import check_account
from mailroom.triage.state import state_in

TRIES = 3
"""How often a part is judged and written anew when somebody else changed mail meanwhile."""

CHANGED_MEANWHILE = "somebody else changed mail again and again meanwhile"

Advance = Callable[[int], None]
"""Told how many mails are done, after each part."""


@dataclass(frozen=True, slots=True)
class Unjudged:
    """Mail in the Inbox without a verdict: ids, those of one sender beside each other.

    `screening_since` is when screening began, `window` how far back was looked.
    """

    run: Pass
    window: Window
    screening_since: datetime | None
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """What becomes of the mails of one sender, and why. `sender` is empty where From names no usable one."""

    sender: str
    verdict: Verdict

    @property
    def category(self) -> str | None:
        """Where it goes, if it goes to a category."""
        return None if self.verdict.route is None else self.verdict.route.category.name


@dataclass(frozen=True, slots=True)
class Findings:
    """What came of it: mails by sender and verdict; how many are left to the user, who has dealt with them already, or
    has put a label on; and how many could not be written, by the reason."""

    mails: Mapping[Group, int] = field(default_factory=dict)
    left_alone: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: "Findings") -> "Findings":
        return Findings(
            Counter(self.mails) + Counter(other.mails),
            self.left_alone + other.left_alone,
            Counter(self.failed) + Counter(other.failed),
        )

    def count(self, outcome: Outcome) -> int:
        """Mails of which this becomes."""
        return sum(mails for group, mails in self.mails.items() if group.verdict.outcome is outcome)

    @property
    def routed(self) -> Mapping[str, int]:
        """Mails that go to a category, by its name."""
        routed: Counter[str] = Counter()
        for group, mails in self.mails.items():
            if group.category is not None:
                routed[group.category] += mails
        return routed

    @property
    def is_whole(self) -> bool:
        """Whether every mail was judged, and written where that was asked."""
        return not self.failed and not self.count(Outcome.UNDECIDED)


async def find_unjudged(
    client: Client,
    contacts: Contacts,
    scheme: Scheme,
    subject_code: SecretStr | None,
    days: int | None,
    now: datetime,
) -> Unjudged:
    """Find mail in the Inbox that nobody has judged: of the last `days`, or what the daemon takes for new.

    Where screening has not begun that is the mail of the last `screening.days`. Raises `MailroomError`.
    """
    account = await check_account(client, contacts, scheme)
    session = await client.session()
    since = state_in(account.contacts.book, session.mail_account).screening_since
    after = scheme.screening.new_after(since, now) if days is None else now - timedelta(days=days)
    window = Window(after, with_subject=subject_code is not None or bool(scheme.splits))
    run = Pass(
        client,
        contacts,
        scheme,
        account.places,
        account.own,
        session.mail_account,
        now,
        Moved(),
        subject_code,
    )
    batch = Batch()
    without_verdict = new_in_inbox(inbox_of(account.places), window)
    found = search(batch, EMAIL, session.mail_account, session.limits, without_verdict)
    return Unjudged(run, window, since, _by_sender(await client.all_found(found, await client.send(batch))))


async def judge_all(unjudged: Unjudged, advance: Advance) -> Findings:
    """Judge all of it, and write nothing. Raises `MailroomError`."""
    return await _in_parts(unjudged, _judge, advance)


async def screen_all(unjudged: Unjudged, advance: Advance) -> Findings:
    """Judge all of it, and mark and move each mail as its verdict says. Raises `MailroomError`."""
    return await _in_parts(unjudged, _screen, advance)


def _by_sender(mails: Iterable[Email]) -> tuple[str, ...]:
    """The ids, who wrote last first, and the mails of one sender together: they are asked about once."""
    oldest_first = sorted(mails, key=by_age)
    last = {sender_of(mail): mail.received_at for mail in oldest_first}
    ordered = sorted(oldest_first, key=lambda mail: (last[sender_of(mail)], sender_of(mail) or ""), reverse=True)
    return tuple(mail.id for mail in ordered)


async def _in_parts(
    unjudged: Unjudged, treat: Callable[[Unjudged, Sequence[str]], Awaitable[Findings]], advance: Advance
) -> Findings:
    limits = (await unjudged.run.client.session()).limits
    findings = Findings()
    for ids in slices(unjudged.ids, min(MOST, limits.max_objects_in_get, limits.max_objects_in_set)):
        findings += await treat(unjudged, ids)
        advance(len(ids))
    return findings


async def _judge(unjudged: Unjudged, ids: Sequence[str]) -> Findings:
    new = await _look(unjudged, ids)
    return _findings(new, await _verdicts(unjudged.run, new))


async def _screen(unjudged: Unjudged, ids: Sequence[str]) -> Findings:
    for _ in range(TRIES):
        new = await _look(unjudged, ids)
        said = await _verdicts(unjudged.run, new)
        written = await _write(unjudged.run, new, said)
        if not written.is_outdated:
            return _findings(new, said, written.refused)
    return _findings(new, said, dict.fromkeys((mail.id for mail in new.work.inbox), CHANGED_MEANWHILE))


async def _look(unjudged: Unjudged, ids: Sequence[str]) -> NewFound:
    """Those of these mails that are still in the Inbox, as they are now."""
    run = unjudged.run
    batch = Batch()
    state = batch.add(EMAIL.get_state(run.account_id))
    mails = batch.add(unjudged.window.kind.get(run.account_id, "ids", tuple(ids)))
    replies = await run.client.send(batch)
    found = tuple(arrival(mail) for mail in replies[mails] if run.places.inbox in mail.mailbox_ids)
    return NewFound(replies[state], WorkList(inbox=found), is_full=False)


async def _verdicts(run: Pass, new: NewFound) -> Mapping[str, Verdict]:
    return await verdicts(run, new, await look_up(run, (), await strangers(run, new)))


async def _write(run: Pass, new: NewFound, said: Mapping[str, Verdict]) -> Written:
    batch = Batch()
    slot = stage(batch, await run.client.session(), await with_patches(run, new, said))
    return settle(await run.client.send(batch), slot)


def _findings(new: NewFound, said: Mapping[str, Verdict], refused: Mapping[str, str] | None = None) -> Findings:
    """What came of these mails, but for those that were refused."""
    refused = refused or {}
    mails = [mail for mail in new.work.inbox if mail.id not in refused]
    return Findings(
        Counter(Group(mail.sender, said[mail.id]) for mail in mails if mail.id in said),
        sum(mail.id not in said for mail in mails),
        Counter(refused.values()),
    )
