"""Doubt keeps mail where the user sees it: look-ups that fail, and accounts and mails that lack something."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest
import structlog.testing

from mailroom.config.scheme import category
from mailroom.config.screening import Screening
from mailroom.errors import MailroomError
from mailroom.sandbox import FASTMAIL, JAMES, STALWART, Flavour, MethodError, Sandbox, faults
from tests.exhaustive import first_of
from tests.flavours import TRIED, every_flavour
from tests.new_mail import ANN, BOB, ON, SCREENED, arrives, join, keywords_of, later, raw, screening, seen
from tests.screener import Screener, empty_sandbox

Placed = tuple[set[str], set[str]]
FEW_LABELS = replace(ON, categories=(category("Feed"),))
NEW: Placed = ({"Inbox"}, set())
KEPT: Placed = ({"Inbox"}, {"mailroom-seen"})
WAITS: Placed = ({"Screener"}, SCREENED)


ANSWER = ("In-Reply-To: <1@me>", "References: <1@me>")


@dataclass
class World:
    """An account in which a mail arrives of everybody who matters, and where each ends, by what it is."""

    sandbox: Sandbox
    ends: dict[str, Placed]
    mails: dict[str, str] = field(default_factory=dict)

    def begin_anew(self) -> None:
        """All mail comes once more; what came before is deleted."""
        for mail in self.mails.values():
            self.sandbox.delete(mail)
        self.mails = {
            "stranger": arrives(self.sandbox),
            "friend": arrives(self.sandbox, "Friend <friend@example.org>"),
            "decided": arrives(self.sandbox, "Feed <feed@example.org>"),
            "correspondent": arrives(self.sandbox, BOB),
            "answer": arrives(self.sandbox, "Cy <cy@elsewhere.example>", *ANSWER),
        }

    def places(self) -> dict[str, Placed]:
        return {what: seen(self.sandbox, id) for what, id in self.mails.items()}


def world(flavour: Flavour) -> World:
    sandbox = empty_sandbox(flavour=flavour)
    sandbox.deliver(raw=raw("me@example.com", "To: bob@example.org", "Message-ID: <1@me>"), mailboxes=["Sent"])
    sandbox.add_card("friend@example.org", "Friend")
    join(sandbox, "Feed", sandbox.add_card("feed@example.org", "Feed"))
    ends = {
        "stranger": WAITS,
        "friend": KEPT,
        "decided": ({"Feed"}, {"mailroom-seen", "mailroom-from-inbox"}),
        "correspondent": KEPT,
        # James forms no threads.
        "answer": WAITS if flavour is JAMES else KEPT,
    }
    return World(sandbox, ends)


async def tried(s: Screener) -> None:
    """A pass that may fail."""
    with suppress(MailroomError):
        await s.run(later(2))


async def calls_before_the_write(s: Screener) -> list[tuple[str, ...]]:
    """The method calls of a pass, request by request, as far as nothing is written."""
    before = len(s.sandbox.requests)
    await s.run(later(2))
    calls = [each.calls for each in s.sandbox.requests[before:]]
    return calls[: next(number for number, each in enumerate(calls) if "Email/set" in each)]


ERRORS = ("unsupportedFilter", "requestTooLarge", "serverFail", "accountNotFound")
WRONG = (faults.status(503), faults.html(), faults.half_json(), faults.CutBefore())


@dataclass(frozen=True)
class Strike:
    """A call that is refused, or a request that is answered wrongly, after so many others."""

    after: int
    what: faults.Fault | MethodError
    method: str = ""

    def prepare(self, sandbox: Sandbox) -> None:
        if isinstance(self.what, MethodError):
            sandbox.faults.method_error(self.method, self.what, skip=self.after)
        else:
            sandbox.faults.next_request(self.what, skip=self.after)


def strikes(requests: list[tuple[str, ...]], first: int) -> Iterator[Strike]:
    """Each call in turn, and each request, in one way each: with another `first` in another way."""
    calls = [call for each in requests for call in each]
    for number, method in enumerate(calls):
        error = ERRORS[(first + number) % len(ERRORS)]
        yield Strike(calls[:number].count(method), MethodError(error), method)
    for number in range(len(requests)):
        yield Strike(number, WRONG[(first + number) % len(WRONG)])


@pytest.mark.exhaustive
@every_flavour
async def test_whatever_fails_before_the_write_nobody_is_judged_wrongly_and_the_next_pass_judges(
    flavour: Flavour,
) -> None:
    account = world(flavour)
    async with screening(account.sandbox, FEW_LABELS) as s:
        account.begin_anew()
        await s.run(later(2))
        account.begin_anew()
        requests = await calls_before_the_write(s)
        assert account.places() == account.ends
        assert len(requests) >= 2
        for number, strike in enumerate(strikes(requests, list(TRIED).index(flavour.name)), 1):
            account.begin_anew()
            strike.prepare(account.sandbox)
            await tried(s)
            assert account.sandbox.faults.struck == number, strike
            for what, place in account.places().items():
                assert place in (NEW, account.ends[what]), f"{strike}: {what}"
            account.sandbox.faults.clear()
            if account.places() != account.ends:
                await tried(s)
            assert account.places() == account.ends, strike


@pytest.mark.parametrize("error", ["forbidden", "requestTooLarge"])
async def test_a_write_that_is_refused_as_a_whole_is_told_and_tried_again(error: str) -> None:
    sandbox = empty_sandbox()
    mail = arrives(sandbox)
    async with screening(sandbox) as s:
        sandbox.faults.method_error("Email/set", MethodError(error))
        with structlog.testing.capture_logs() as logs:
            await s.run(later(2))
        assert "new_mail_not_judged" in [line["event"] for line in logs]
        assert seen(sandbox, mail) == NEW
        await s.run(later(2))
        assert seen(sandbox, mail) == WAITS


async def test_a_question_that_breaks_the_protocol_leaves_its_own_senders_alone() -> None:
    sandbox = empty_sandbox(flavour=STALWART)
    mails = [arrives(sandbox, f"S <s{number:02}@example.org>") for number in range(20)]
    async with screening(sandbox) as s:
        # The scan has four queries, the look-up so many more; what doesn't fit into it is asked beside it.
        sandbox.faults.method_error("Email/query", MethodError("accountNotFound"), skip=10)
        await s.run(later(2))
        left = [mail for mail in mails if seen(sandbox, mail) == NEW]
        assert 0 < len(left) < len(mails)
        await s.run(later(2))
    assert all(seen(sandbox, mail) == WAITS for mail in mails)


MALFORMED = (
    "",
    "From: ",
    "From: undisclosed",
    "From: <>",
    "From: @",
    "From: Ann <ann@>",
    "From: Ann <@example.org>",
    "From: a@b@c",
    "From: ann@example.org, bob@example.org",
    "From: Group: ann@example.org, bob@example.org;",
    "From: Group:;",
    "From: *@example.org",
    "From: =?utf-8?b?////?= <=?utf-8?q?ann?=@example.org>",
    'From: "\\"" <"\\""@example.org>',
    "From: Ann <ann@" + "x" * 300 + ".example>",
    "From: Ann <" + "a" * 2000 + "@example.org>",
    "From: Ann <ann@exa\x00mple.org>",
    "From: Ann <ann@\udcff.example>",
    "From: " + "Ann " * 3000 + "<ann@example.org>",
)


@every_flavour
async def test_whatever_from_says_mail_is_in_the_inbox_or_in_the_screener(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    mails = [delivered(sandbox, line) for line in MALFORMED]
    async with screening(sandbox) as s:
        await s.run(later(2))
        assert [where for mail in mails if (where := seen(sandbox, mail)) not in (KEPT, WAITS)] == []
        assert seen(sandbox, mails[0]) == seen(sandbox, mails[8]) == WAITS
        assert await s.requests_of_a_pass() == await s.requests_of_a_pass()


def delivered(sandbox: Sandbox, *header: str) -> str:
    head = "\r\n".join([*(field for field in header if field), "Subject: Hello", "", "Text", ""])
    return sandbox.deliver(raw=head.encode(errors="surrogateescape"), mailboxes=["Inbox"], received_at=later(1))


@first_of(
    "said",
    [
        "",
        ";",
        "mx.example.com",
        "dmarc=fail",
        "; dmarc=fail (p=reject)",
        "mx.example.com; dmarc",
        "mx.example.com; dmarc=",
        "mx.example.com; dmarc=fail",
        'mx.example.com; dmarc="fail (p=reject)',
        "mx.example.com; dmarc=fail (" * 500,
        "mx.example.com; " + "dkim=pass; " * 2000,
        "mx.example.com; dmarc=fail policy.published-domain-policy=\udcff",
    ],
)
async def test_results_that_cant_be_read_forge_nobody(said: str) -> None:
    sandbox = empty_sandbox()
    sandbox.add_card("ann@example.org", "Ann Lee")
    mail = delivered(sandbox, f"From: {ANN}", f"Authentication-Results: {said}")
    async with screening(sandbox) as s:
        await s.run(later(2))
    assert "Inbox" in sandbox.mailboxes_of(mail)
    assert keywords_of(sandbox, mail) == {"mailroom-seen"}


async def test_a_thread_that_is_not_returned_leaves_its_mail_alone_until_it_is() -> None:
    sandbox = empty_sandbox()
    answer = arrives(sandbox, ANN, *ANSWER)
    other = arrives(sandbox, BOB)
    thread_id = sandbox.store.mails.objects[answer].thread_id
    async with screening(sandbox) as s:
        thread = sandbox.store.threads.objects.pop(thread_id)
        await s.run(later(2))
        assert (seen(sandbox, answer), seen(sandbox, other)) == (NEW, WAITS)
        sandbox.store.threads.objects[thread_id] = thread
        await s.run(later(2))
        assert seen(sandbox, answer) == WAITS


async def test_an_identity_without_address_is_nobodys() -> None:
    sandbox = empty_sandbox()
    sandbox.identities = [("", ""), ("Robin", "robin@example.com")]
    stranger, own = arrives(sandbox), arrives(sandbox, "Robin <robin@example.com>")
    nobody = delivered(sandbox, "From: <>")
    async with screening(sandbox) as s:
        await s.run(later(2))
    assert [seen(sandbox, mail) for mail in (stranger, own, nobody)] == [WAITS, KEPT, WAITS]


async def test_without_a_sent_mailbox_nobody_was_written_to() -> None:
    account = world(FASTMAIL)
    account.sandbox.destroy_mailbox("Sent")
    account.begin_anew()
    async with screening(account.sandbox) as s:
        await s.run(later(2))
    assert account.places() == {**account.ends, "correspondent": WAITS, "answer": WAITS}


async def test_a_sent_mailbox_that_goes_while_it_is_asked_leaves_mail_alone() -> None:
    sandbox = empty_sandbox()
    mail = arrives(sandbox)
    async with screening(sandbox, before={2: lambda: sandbox.destroy_mailbox("Sent")}) as s:
        await s.run(later(2))
        assert seen(sandbox, mail) == NEW
        await s.run(later(2))
        assert seen(sandbox, mail) == WAITS


@pytest.mark.parametrize("name", ["Inbox", "Screener"])
async def test_without_an_inbox_by_its_role_or_a_screener_mail_stays_where_it_is(name: str) -> None:
    account = world(FASTMAIL)
    account.begin_anew()
    sandbox = account.sandbox
    async with screening(sandbox) as s:
        if name == "Inbox":
            mailboxes, id = sandbox.store.mailboxes, sandbox.mailbox_id(name)
            mailboxes.change(id, replace(mailboxes.objects[id], role=None))
        else:
            sandbox.destroy_mailbox(name)
        await s.run(later(2))
        assert set(account.places()) == set(account.ends)
        assert all(place == NEW for place in account.places().values())


async def test_a_destination_that_is_missing_leaves_mail_in_the_inbox_until_it_is_there() -> None:
    account = world(FASTMAIL)
    account.begin_anew()
    async with screening(account.sandbox) as s:
        account.sandbox.destroy_mailbox("Feed")
        await s.run(later(2))
        assert account.places() == {**account.ends, "decided": NEW}
        account.sandbox.create_mailbox("Feed")
        await s.run(later(2))
        assert account.places() == account.ends


async def test_nobody_is_asked_about_correspondents_where_they_dont_count() -> None:
    account = world(FASTMAIL)
    account.begin_anew()
    async with screening(account.sandbox, replace(ON, screening=Screening(mode="on", correspondents=False))) as s:
        await s.run(later(2))
    assert account.places() == {**account.ends, "correspondent": WAITS}


@pytest.mark.parametrize("error", ["invalidArguments", "serverFail"])
async def test_a_sender_about_whom_the_server_refuses_to_be_asked_holds_up_nobody(error: str) -> None:
    sandbox = empty_sandbox()
    odd = [arrives(sandbox, "Odd <odd@example.org>") for _ in range(2)]
    others = [arrives(sandbox, f"S <s{number}@example.org>") for number in range(9)]
    sandbox.label(sandbox.deliver("Shop <shop@example.org>", "Hi", ["Screener"]), "@ToFeed")
    async with screening(sandbox) as s:
        sandbox.faults.refused_texts["odd@example.org"] = MethodError(error)
        with structlog.testing.capture_logs() as logs:
            outcome = await s.run(later(2))
            assert (outcome.senders_triaged, outcome.mails_screened) == (1, 9)
            await s.run(later(2))
        assert all(seen(sandbox, mail) == WAITS for mail in others)
        assert all(seen(sandbox, mail) == NEW for mail in odd)
        assert [line["event"] for line in logs].count("new_mail_not_marked") == len(odd)
        # From the second time on it is left alone for a while.
        assert await s.requests_of_a_pass() == 1


async def test_several_of_them_are_put_aside_one_pass_after_the_other() -> None:
    sandbox = empty_sandbox()
    odd = [arrives(sandbox, f"Odd <odd{number}@odd.example>") for number in range(5)]
    others = [arrives(sandbox, f"S <s{number}@example.org>") for number in range(9)]
    async with screening(sandbox) as s:
        sandbox.faults.refused_texts["@odd.example"] = MethodError("invalidArguments")
        for _ in range(4):
            await s.run(later(2))
        assert all(seen(sandbox, mail) == WAITS for mail in others)
        assert all(seen(sandbox, mail) == NEW for mail in odd)


async def test_a_server_that_refuses_everybody_is_asked_few_times() -> None:
    sandbox = empty_sandbox()
    mails = [arrives(sandbox, f"S <s{number}@example.org>") for number in range(40)]
    async with screening(sandbox) as s:
        sandbox.faults.refused_texts["@example.org"] = MethodError("invalidArguments")
        await s.run(later(2))
        assert s.wire.requests < 20
        assert all(seen(sandbox, mail) == NEW for mail in mails)
