"""What an account's passes remember: in memory only, so that a restart tries everything anew."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from mailroom.config.scheme import Scheme
from mailroom.decisions.conversation import Conversation, conversations
from mailroom.decisions.pauses import Conflict, standing_conflicts
from mailroom.decisions.places import Places, how_to_mend
from mailroom.decisions.select import Pause, Selection, Sender
from mailroom.jmap.mail import Email, Move
from mailroom.triage.new_mail import Finding, NewFound
from mailroom.triage.patience import Patience

log = structlog.get_logger(component="triage")

_PASSES_UNTIL_ERROR = 3

_SECONDS_OF_A_TAP = 600.0
"""Mail apps may label a conversation mail by mail, and from a queue; a later label is another decision."""


@dataclass(frozen=True, slots=True)
class _Unmarked:
    """Mails that wait for the user without the error label, whose id is None if there is none."""

    pause: Pause
    error_label: str | None


@dataclass(frozen=True, slots=True)
class _Tapped:
    """All who take part in a conversation whose label meant some of them, and until when it is the same tap."""

    senders: frozenset[str]
    until: float


class Memory:
    """One for the passes over one account. Times are seconds of a monotonic clock.

    `places` are the mailboxes as the last pass found them, `failing` the senders that failed in a row, `beginning` the
    account whose state card could not be written, `releasing` the mails that keep the error label, each with the patch
    that takes it off. Mail from before `screening_since` is not new; where it is None no new mail is looked for.
    """

    def __init__(self, places: Places, screening_since: datetime | None = None) -> None:
        self.places = places
        self.screening_since = screening_since
        self._conflicts = frozenset[Conflict]()
        self._tapped: dict[Conversation, _Tapped] = {}
        self.failing = Patience[str]()
        self.beginning = Patience[str]()
        self.releasing = Patience[tuple[str, Move]]()
        self._aside = Patience[tuple[str, Move]]()
        self._unmarked = Patience[_Unmarked]()
        self._written = frozenset[Finding]()
        self._left_alone = frozenset[Finding]()
        self._refused = Patience[Finding]()
        self._in_unrelated_groups = frozenset[str]()
        self._passes_missing = Counter(dict.fromkeys(places.missing, _PASSES_UNTIL_ERROR - 1))

    def see(self, places: Places, scheme: Scheme) -> None:
        """Take the mailboxes as they are now, and tell which of those that the scheme needs are missing."""
        self.places = places
        self._report_missing(scheme)

    def due(self, selection: Selection, now: float) -> Selection:
        """The part of a selection that is to be tried now; what is no longer in it is forgotten."""
        self.failing.keep_only({sender.address for sender in selection.senders})
        waiting = {_Unmarked(pause, self.places.error_label): pause for pause in selection.pauses}
        aside = dict(self._aside.due(selection.aside.items(), now))
        return replace(
            selection,
            senders=tuple(each for each in selection.senders if self.failing.may_try(each.address, now)),
            pauses=tuple(waiting[each] for each in self._unmarked.due(waiting.keys(), now)),
            aside=aside,
            resting={id: move for id, move in selection.aside.items() if id not in aside},
        )

    def tried(self, selection: Selection, now: float) -> None:
        """Leave mails of this selection alone for a while that no sender's failure keeps from being tried again."""
        self._unmarked.tried((_Unmarked(each, self.places.error_label) for each in selection.pauses), now)
        self._aside.tried(selection.aside.items(), now)

    def note_conflict(self, mails: Conflict) -> None:
        """Of two addresses of one card it can't be seen on their mail: it is remembered from when it was found."""
        self._conflicts |= {mails}

    def conflicts_among(self, labelled: Sequence[Email]) -> frozenset[Conflict]:
        """The conflicts that still stand, as far as these mails show or this remembers; the others are forgotten."""
        known = {each for each in self._conflicts if each & {email.id for email in labelled}}
        self._conflicts = frozenset(known) | standing_conflicts(labelled, self.places)
        return self._conflicts

    def tapped(self, now: float) -> Collection[Conversation]:
        """The conversations of several senders that were settled in the last ten minutes."""
        self._tapped = {each: tapped for each, tapped in self._tapped.items() if now < tapped.until}
        return self._tapped.keys()

    def settled(
        self, senders: Iterable[Sender], taps: Mapping[Conversation, frozenset[str]], places: Places, now: float
    ) -> None:
        """These senders are settled. `taps` are the conversations of several that were tapped now, with all in them.

        Any other decision about somebody in a conversation that was tapped before ends that tap.
        """
        if not taps and not self._tapped:
            return
        settled_in: dict[str, Collection[Conversation]] = {}
        for sender in senders:
            settled_in |= dict.fromkeys(sender.addresses, conversations(sender.mails, places).keys())
        self._tapped = {
            each: tapped
            for each, tapped in self._tapped.items()
            if all(each in settled_in[address] for address in tapped.senders & settled_in.keys())
        }
        for each in taps.keys() & set().union(*settled_in.values()):
            before = self._tapped[each].senders if each in self._tapped else frozenset[str]()
            self._tapped[each] = _Tapped(before | taps[each], now + _SECONDS_OF_A_TAP)

    def new_due(self, new: NewFound, now: float) -> NewFound:
        """The part of new mail that is to be looked at now; what is no longer found is forgotten.

        What is found again although it was written is left alone: this server's queries don't see what was written.
        """
        found = new.findings
        if again := self._written & found:
            log.warning("new_mail_found_again", mails=len(again))
        self._left_alone = (self._left_alone | again) & found
        self._written = frozenset()
        self._refused.keep_only(found)
        left = {each for each in found if each in self._left_alone or not self._refused.may_try(each, now)}
        return new.without(left)

    def leave_alone(self, findings: Iterable[Finding]) -> None:
        """Nothing is written on these, for as long as they are found."""
        self._left_alone |= frozenset(findings)

    def wrote(self, findings: Iterable[Finding]) -> None:
        """These should not be found again."""
        self._written = frozenset(findings)

    def refused(self, findings: Iterable[Finding], now: float) -> frozenset[Finding]:
        """Try these less and less often; returns those that were refused for the first time."""
        return frozenset(each for each in findings if self._refused.failed(each, now) == 1)

    def first_met(self, senders: frozenset[str]) -> frozenset[str]:
        """Those of these senders in unrelated groups that weren't told of yet."""
        new = senders - self._in_unrelated_groups
        self._in_unrelated_groups |= new
        return new

    def _report_missing(self, scheme: Scheme) -> None:
        """A warning once, and an error once if it lasts: someone may be renaming things just now.

        What is missing at the start is an error at once.
        """
        self._passes_missing = Counter({name: self._passes_missing[name] + 1 for name in self.places.missing})
        for name, passes in self._passes_missing.items():
            if passes in (1, _PASSES_UNTIL_ERROR):
                report = log.error if passes == _PASSES_UNTIL_ERROR else log.warning
                report("mailbox_missing", mailbox=name, hint=how_to_mend(name, self.places, scheme))
