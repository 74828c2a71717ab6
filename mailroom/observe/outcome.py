"""What a pass did, and what it could not do."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Deed:
    """What a pass did with a sender (address and shown name): settled in `category` with so many `mails` moved, or left
    waiting by a `problem`.

    For the owner's eyes alone: no log, metric or answer of the health port holds one.
    """

    sender: str
    category: str
    mails: int
    problem: str | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class PassOutcome:
    """What a pass did, and what it could not do. Senders triaged are counted by the name of their category.

    `has_more` is whether there was more new mail than one pass takes, `is_outdated` whether new mail has changed since
    it was looked at, so that nothing was written on it. `mails_waiting` are the mails that were in the Screener when
    the pass began, None where the server doesn't tell.
    """

    triaged_by_category: Mapping[str, int]
    mails_filed: int
    senders_failing: int
    mailboxes_missing: int
    mails_screened: int = 0
    mails_routed: int = 0
    mails_waiting: int | None = None
    has_more: bool = False
    is_outdated: bool = False
    deeds: tuple[Deed, ...] = field(default=(), repr=False)

    def and_then(self, later: "PassOutcome") -> "PassOutcome":
        """Both together; what could not be done is what could not be done in the end."""
        return replace(
            later,
            triaged_by_category=Counter(self.triaged_by_category) + Counter(later.triaged_by_category),
            mails_filed=self.mails_filed + later.mails_filed,
            mails_screened=self.mails_screened + later.mails_screened,
            mails_routed=self.mails_routed + later.mails_routed,
            deeds=self.deeds + later.deeds,
        )

    @property
    def senders_triaged(self) -> int:
        return sum(self.triaged_by_category.values())
