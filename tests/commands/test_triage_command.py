"""`mailroom triage ADDRESS CATEGORY`: one sender, settled from the shell."""

import io
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from mailroom.account import servers as servers_module
from mailroom.cli.main import main
from mailroom.commands import triage
from mailroom.config.account_settings import AccountSettings
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.config.splits import Split
from mailroom.errors import ConfigError, MailroomError, SenderFailed, Unavailable
from mailroom.jmap.mail import Email, Move
from mailroom.sandbox import Flavour, Sandbox, SetError
from mailroom.senders.settle import Permission
from mailroom.senders.tap import label_for
from tests.commands.support import bare_sandbox, command, sets, settings_for
from tests.decisions.test_plan import PLACES, mail, places_of
from tests.exhaustive import always
from tests.flavours import every_flavour
from tests.screener import NOW, Wire, connected, empty_sandbox, start
from tests.triage.test_crash import seen

ANN = "ann@x.org"
CATEGORIES = DEFAULT_SCHEME.by_name


NEW, FORCE = Permission.NEW, Permission.FORCE


async def run(settings: AccountSettings, address: str, name: str, *permissions: Permission) -> int:
    return await settle(settings, [address], name, *permissions)


async def settle(settings: AccountSettings, addresses: list[str], name: str, *permissions: Permission) -> int:
    given = triage.given(addresses)
    return await triage.triage(given, CATEGORIES[name], frozenset(permissions), settings, DEFAULT_SCHEME)


async def refused(sandbox: Sandbox, address: str, name: str = "Feed") -> MailroomError:
    """How the command refuses; nothing has been written then."""
    async with settings_for(sandbox) as settings:
        error = await failed(settings, address, name)
    assert sets(sandbox) == []
    return error


async def failed(settings: AccountSettings, address: str, name: str = "Feed") -> MailroomError:
    try:
        await run(settings, address, name)
    except MailroomError as error:
        return error
    pytest.fail("the command did not fail")


def groups_of(sandbox: Sandbox, address: str) -> set[str]:
    return {name for name, members in sandbox.groups().items() if address in members}


@every_flavour
async def test_a_sender_is_settled_as_by_a_label_and_what_happened_is_told(
    flavour: Flavour, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    one, two = sandbox.deliver(f"Ann <{ANN}>", "One"), sandbox.deliver(f"Ann <{ANN}>", "Two", ["Archive"])
    other = sandbox.deliver("Bob <bob@x.org>", "Three")
    async with settings_for(sandbox) as settings:
        assert await run(settings, "Ann@X.org", "Truck") == 0
        assert capsys.readouterr().out == (
            "ann@x.org is settled in Truck: 2 mails filed in Truck, Paper Trail; contact 'Ann' created; "
            "joined Truck, Paper Trail.\n"
        )
        assert sandbox.mailboxes_of(one) == {"Truck", "Paper Trail"}
        assert sandbox.mailboxes_of(two) == {"Archive", "Truck", "Paper Trail"}
        assert groups_of(sandbox, ANN) == {"Truck", "Paper Trail", "Mailroom"}
        assert sandbox.mailboxes_of(other) == {"Screener"}
        assert await run(settings, ANN, "Feed") == 0
    assert capsys.readouterr().out == (
        "ann@x.org is settled in Feed: 2 mails filed in Feed; contact 'Ann' updated; "
        "joined Feed; left Paper Trail, Truck.\n"
    )
    assert groups_of(sandbox, ANN) == {"Feed", "Mailroom"}


async def test_a_label_that_waits_for_the_daemon_on_another_sender_stays() -> None:
    sandbox = empty_sandbox()
    sandbox.deliver(f"Ann <{ANN}>")
    other = sandbox.deliver("Bob <bob@x.org>", mailboxes=["Screener", "@ToFeed"])
    async with settings_for(sandbox) as settings:
        assert await run(settings, ANN, "Feed") == 0
    assert sandbox.mailboxes_of(other) == {"Screener", "@ToFeed"}


@pytest.mark.parametrize(
    ("mails", "expected"),
    [
        ([mail("1", "Screener"), mail("2", "Screener"), mail("3", "Archive")], "2"),
        ([mail("1", "Archive"), mail("2", "Work"), mail("3", "Trash"), mail("4", "Sent"), mail("5", "Drafts")], "2"),
        ([mail("1", "Archive"), mail("2", "Screener", "Trash"), mail("3", "Junk")], "1"),
        ([mail("1", "Work"), mail("2", "Screener", "@MailroomError")], "1"),
        ([mail("1", "Work", "@ToFeed"), mail("2", "Screener")], "1"),
        ([mail("1", "Screener", "@ToFeed", "@MailroomError"), mail("2", "Work")], "2"),
    ],
    ids=["newest_in_screener", "newest_elsewhere", "not_in_trash", "not_paused", "labelled_already", "labelled_unseen"],
)
def test_the_label_goes_on_the_newest_mail_that_a_pass_sees(mails: Collection[Email], expected: str) -> None:
    chosen = label_for(tuple(mails), CATEGORIES["Feed"], PLACES)
    assert chosen is not None
    assert chosen[0] == expected


def test_the_error_label_comes_off_where_no_other_mail_is_left() -> None:
    mails = (mail("1", "Screener", "@MailroomError"),)
    move = Move(frozenset({"@ToFeed"}), frozenset({"@MailroomError"}))
    assert label_for(mails, CATEGORIES["Feed"], PLACES) == ("1", move)


def test_a_label_that_is_missing_is_needed_only_for_mail() -> None:
    places = places_of(without={"@ToFeed"})
    assert label_for((mail("1", "Trash"),), CATEGORIES["Feed"], places) is None
    with pytest.raises(ConfigError, match=r"missing mailbox: @ToFeed\. `mailroom setup --apply` creates it"):
        label_for((mail("1", "Screener"),), CATEGORIES["Feed"], places)


@every_flavour
async def test_a_contact_without_mail_gets_card_and_groups_only(
    flavour: Flavour, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    sandbox.add_card(ANN, "Ann Lee")
    async with settings_for(sandbox) as settings:
        assert await run(settings, ANN, "Person") == 0
    assert capsys.readouterr().out == (
        "ann@x.org is settled in Person: no mail to file; contact 'Ann Lee' updated; joined Person, Imbox.\n"
    )
    assert groups_of(sandbox, ANN) == {"Person", "Imbox"}
    (card,) = sandbox.cards()
    assert [part["value"] for part in card["name"]["components"]] == ["Ann", "Lee"]
    assert "Email/set" not in sets(sandbox)


async def test_a_sender_whose_mail_is_all_in_the_trash_gets_a_card_with_its_name() -> None:
    sandbox = empty_sandbox()
    gone = sandbox.deliver(f"Ann Lee <{ANN}>", mailboxes=["Trash"])
    async with settings_for(sandbox) as settings:
        assert await run(settings, ANN, "Jail") == 0
    assert sandbox.mailboxes_of(gone) == {"Trash"}
    assert [card["name"]["full"] for card in sandbox.cards()] == ["Ann Lee"]
    assert groups_of(sandbox, ANN) == {"Jail", "Mailroom"}


async def test_another_name_on_the_mail_than_on_the_card_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = empty_sandbox()
    sandbox.add_card(ANN, "Ann Lee")
    mail_id = sandbox.deliver(f"Your Bank <{ANN}>")
    async with settings_for(sandbox) as settings:
        assert await run(settings, ANN, "Feed") == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == (
        "The mail shows another name than the contact (Ann Lee), or another contact's, so it carries @MailroomWarning."
    )
    assert sandbox.mailboxes_of(mail_id) == {"Feed", "@MailroomWarning"}


async def test_an_address_that_nobody_knows_is_answered_with_the_nearest_one() -> None:
    sandbox = empty_sandbox()
    sandbox.deliver("Ann <ann.lee@shop.example>")
    sandbox.add_card("bob.ross@paint.example", "Bob")
    for typo, nearest in (("an.lee@shop.example", "ann.lee"), ("bob.ros@paint.example", "bob.ross")):
        error = await refused(sandbox, typo)
        assert isinstance(error, ConfigError)
        said = f"nobody writes from {typo}: there is no mail and no contact; did you mean {nearest}@"
        assert said in str(error)
        assert "? With --new it is settled" in str(error)


@pytest.mark.parametrize(("split", "where"), [("@x.org", "Feed or where a split says"), ("@y.org", "Feed")])
async def test_where_a_split_may_send_mail_elsewhere_that_is_told(
    split: str, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    splits = (Split(("receipt",), "Truck", domain=split.removeprefix("@")),)
    sandbox = empty_sandbox()
    mails = [sandbox.deliver(f"Ann <{ANN}>", subject) for subject in ("Hello", "Your receipt")]
    async with settings_for(sandbox) as settings:
        await triage.triage([ANN], CATEGORIES["Feed"], frozenset(), settings, replace(DEFAULT_SCHEME, splits=splits))
    assert f"is settled in Feed: 2 mails filed in {where}; contact" in capsys.readouterr().out
    assert [sandbox.mailboxes_of(each) == {"Feed"} for each in mails] == [True, where == "Feed"]


@pytest.mark.parametrize(
    ("address", "name", "said"),
    [
        ("Ann", "Feed", "'Ann' is no mail address; give it alone, such as ann@example.org"),
        (ANN, "Fead", "there is no category 'Fead'; did you mean Feed?"),
    ],
)
def test_what_is_no_address_or_no_category_is_wrong_use(
    address: str, name: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MAILROOM_JMAP_TOKEN", "x")
    assert main(["triage", address, name]) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert said in errors


async def test_an_own_address_is_never_triaged() -> None:
    sandbox = empty_sandbox()
    sandbox.deliver(f"Robin <{sandbox.email}>")
    error = await refused(sandbox, sandbox.email)
    assert isinstance(error, ConfigError)
    assert "is one of your own addresses: these are never triaged" in str(error)


async def test_another_label_on_mail_of_the_sender_has_to_be_decided() -> None:
    sandbox = empty_sandbox()
    sandbox.deliver(f"Ann <{ANN}>")
    sandbox.deliver(f"Ann <{ANN}>", mailboxes=["Archive", "@ToJail"])
    error = await refused(sandbox, ANN)
    assert isinstance(error, ConfigError)
    assert str(error) == (
        "mail of ann@x.org already carries @ToJail: take that off, wait until it is settled, "
        "or decide for Feed with --force"
    )


async def test_a_sender_who_waits_is_named_with_its_labels_and_force_decides() -> None:
    sandbox = empty_sandbox()
    one = sandbox.deliver(f"Ann <{ANN}>", mailboxes=["Screener", "@ToFeed", "@MailroomError"])
    two = sandbox.deliver(f"Ann <{ANN}>", mailboxes=["Screener", "@ToJail", "@MailroomError"])
    error = await refused(sandbox, ANN, "Imbox")
    assert isinstance(error, ConfigError)
    assert str(error) == (
        "mail of ann@x.org waits for you: it carries @ToFeed, @ToJail, @MailroomError. --force decides for Imbox"
    )
    async with settings_for(sandbox) as settings:
        assert await run(settings, ANN, "Imbox", FORCE) == 0
    assert sandbox.mailboxes_of(one) == sandbox.mailboxes_of(two) == {"Imbox", "Inbox"}


async def test_force_decides_for_one_of_the_labels_and_takes_the_others_off_mail_in_the_trash_too() -> None:
    sandbox = empty_sandbox()
    one = sandbox.deliver(f"Ann <{ANN}>", mailboxes=["Screener", "@ToFeed", "@ToJail", "@MailroomError"])
    gone = sandbox.deliver(f"Ann <{ANN}>", mailboxes=["Trash", "@ToJail"])
    async with settings_for(sandbox) as settings:
        assert await run(settings, ANN, "Feed", FORCE) == 0
    assert sandbox.mailboxes_of(one) == {"Feed"}
    assert sandbox.mailboxes_of(gone) == {"Trash"}


async def test_many_are_settled_in_one_pass(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = empty_sandbox()
    addresses = [f"s{number}@x.org" for number in range(12)]
    mails = [sandbox.deliver(f"Somebody <{address}>") for address in addresses]
    sandbox.add_card("card@x.org", "Card Only")
    async with settings_for(sandbox) as settings:
        assert await settle(settings, [*addresses, addresses[0].upper(), "card@x.org"], "Feed") == 0
    assert {frozenset(sandbox.mailboxes_of(each)) for each in mails} == {frozenset({"Feed"})}
    assert sandbox.groups()["Feed"] == {*addresses, "card@x.org"}
    told = capsys.readouterr().out.splitlines()
    assert sorted(line.split()[0] for line in told) == sorted([*addresses, "card@x.org"])
    api_requests = sum(bool(request.calls) for request in sandbox.requests)
    assert api_requests == 7  # check, look up, labels, scan, look up, apply, commit


async def test_of_many_what_stands_in_the_way_is_all_told_before_anything_is_written() -> None:
    sandbox = empty_sandbox()
    sandbox.deliver(f"Ann <{ANN}>", mailboxes=["Screener", "@ToJail"])
    sandbox.deliver("Bob <bob@x.org>")
    async with settings_for(sandbox) as settings:
        with pytest.raises(ConfigError) as raised:
            await settle(settings, [ANN, "bob@x.org", "cy@x.org", "dee@x.org"], "Feed")
        with pytest.raises(ConfigError) as not_addresses:
            await settle(settings, ["Ann", "bob@x.org", "Cy"], "Feed")
    assert [problem.split(":")[0] for problem in raised.value.problems] == [
        "nobody writes from cy@x.org",
        "nobody writes from dee@x.org",
        "mail of ann@x.org already carries @ToJail",
    ]
    assert len(not_addresses.value.problems) == 2
    assert sets(sandbox) == []


async def test_of_many_those_that_fail_are_told_and_the_others_are_settled(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = empty_sandbox()
    sandbox.deliver("Bob <bob@x.org>")
    sandbox.faults.set_errors[sandbox.deliver(f"Ann <{ANN}>")] = SetError("forbidden")
    async with settings_for(sandbox) as settings:
        assert await settle(settings, [ANN, "bob@x.org"], "Feed") == 1
    printed = capsys.readouterr()
    assert printed.out.startswith("bob@x.org is settled in Feed")
    assert printed.err == "mailroom: the mail could not be labelled: forbidden. Run the same command again\n"


async def test_two_addresses_of_one_contact_are_one_sender(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = empty_sandbox()
    sandbox.add_card(ANN, "Ann Lee", emails={"a": {"address": ANN}, "b": {"address": "ann@work.example"}})
    mails = [sandbox.deliver(f"Ann Lee <{address}>") for address in (ANN, "ann@work.example")]
    async with settings_for(sandbox) as settings:
        assert await settle(settings, ["ann@work.example", ANN], "Feed") == 0
    assert [sandbox.mailboxes_of(each) for each in mails] == [{"Feed"}, {"Feed"}]
    assert len(capsys.readouterr().out.splitlines()) == 1


async def test_addresses_may_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"# from a list\n\n {ANN}  # a friend\nBOB@x.org\n"))
    assert triage.given(["-", "cy@x.org", "bob@x.org"]) == [ANN, "bob@x.org", "cy@x.org"]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    with pytest.raises(ConfigError, match="there is no address on standard input"):
        triage.given(["-"])


async def test_somebody_is_let_in_before_the_first_mail(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = empty_sandbox()
    async with settings_for(sandbox) as settings:
        error = await failed(settings, ANN, "Imbox")
        assert "With --new it is settled before its first mail" in str(error)
        assert sets(sandbox) == []
        assert await run(settings, ANN, "Imbox", NEW) == 0
    assert capsys.readouterr().out == (
        "ann@x.org is settled in Imbox: no mail to file; contact 'ann' created; joined Imbox.\n"
    )
    assert groups_of(sandbox, ANN) == {"Imbox", "Mailroom"}


async def test_the_command_line_takes_many_and_its_options() -> None:
    sandbox = empty_sandbox()
    sandbox.deliver(f"Ann <{ANN}>", mailboxes=["Screener", "@ToJail"])
    async with settings_for(sandbox) as settings:
        ended = await command(settings, "triage", "--force", "--new", ANN, "bob@x.org", "Feed")
        nobody = await command(settings, "triage", "Feed")
        empty = await command(settings, "triage", "-", "Feed")
    assert (ended.status, ended.errors) == (0, "")
    assert len(ended.output.splitlines()) == 2
    assert nobody.status == empty.status == 2
    assert "there is no address on standard input: write one a line" in empty.errors


async def test_an_account_that_lacks_something_is_told_all_of_it() -> None:
    error = await refused(bare_sandbox(), ANN)
    assert isinstance(error, ConfigError)
    assert "missing mailboxes: Billboard, Feed" in str(error)
    assert "contact groups: Billboard, Feed" in str(error)


async def test_a_failure_keeps_the_label_and_the_same_command_tries_again() -> None:
    sandbox = empty_sandbox()
    one = sandbox.deliver(f"Ann <{ANN}>", "One", ["Archive"])
    two = sandbox.deliver(f"Ann <{ANN}>", "Two")
    sandbox.faults.set_errors[one] = SetError("forbidden")
    async with settings_for(sandbox) as settings:
        error = await failed(settings, ANN)
        assert isinstance(error, SenderFailed)
        assert "ann@x.org could not be settled: a mail could not be filed: forbidden" in str(error)
        assert "@ToFeed stays on the mail; the daemon tries again, and so does the same command" in str(error)
        assert sandbox.mailboxes_of(two) == {"Screener", "@ToFeed"}
        sandbox.faults.clear()
        assert await run(settings, ANN, "Feed") == 0
    assert sandbox.mailboxes_of(one) == {"Archive", "Feed"}
    assert sandbox.mailboxes_of(two) == {"Feed"}


async def test_a_mail_that_takes_no_label_leaves_all_as_it_is() -> None:
    sandbox = empty_sandbox()
    sandbox.faults.set_errors[sandbox.deliver(f"Ann <{ANN}>")] = SetError("forbidden")
    async with settings_for(sandbox) as settings:
        error = await failed(settings, ANN)
    assert str(error) == "the mail could not be labelled: forbidden. Run the same command again"
    assert sandbox.cards() == []


def waiting_ann() -> Sandbox:
    sandbox = empty_sandbox()
    for subject in ("One", "Two"):
        sandbox.deliver(f"Ann <{ANN}>", subject)
    sandbox.add_card("bob@x.org", "Bob")
    return sandbox


@asynccontextmanager
async def over(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """The command's requests go over this wire."""

    @asynccontextmanager
    async def http_client() -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(transport=wire, timeout=30) as http:
            yield http

    with monkeypatch.context() as patched:
        patched.setattr(servers_module, "http_client", http_client)
        yield


@pytest.mark.parametrize("finished_by", always(1, ["the daemon", "the same command"]))
@pytest.mark.parametrize("kind", always(1, ["cut_after", "cut_before"]))
async def test_cut_off_at_any_request_it_is_finished_by_the_next_pass(
    kind: str, finished_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, wire = waiting_ann(), Wire()
    async with settings_for(whole) as settings, over(wire, monkeypatch):
        assert await run(settings, ANN, "Truck") == 0
    assert wire.requests == 8
    for k in range(1, wire.requests + 1) if kind == "cut_before" else wire.writes:
        sandbox = waiting_ann()
        async with settings_for(sandbox) as settings:
            async with over(Wire(**{kind: k}), monkeypatch):
                assert isinstance(await failed(settings, ANN, "Truck"), Unavailable)
            is_labelled = any("@ToTruck" in sandbox.mailboxes_of(id) for id in sandbox.store.mails.objects)
            if finished_by == "the same command" or not (is_labelled or sandbox.cards()[1:]):
                assert await run(settings, ANN, "Truck") == 0
            else:
                url = httpx.URL(settings.jmap_session_url)
                async with connected(sandbox, url, Wire()) as client:
                    await (await start(client)).run(NOW)
        assert seen(sandbox).mails == seen(whole).mails, k
        assert seen(sandbox).groups == seen(whole).groups, k


async def test_a_label_that_somebody_takes_off_meanwhile_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = empty_sandbox()
    only = sandbox.deliver(f"Ann <{ANN}>")
    wire = Wire()
    scan = 5
    wire.before = {scan: lambda: sandbox.unlabel(only, "@ToFeed")}
    async with settings_for(sandbox) as settings, over(wire, monkeypatch):
        error = await failed(settings, ANN)
    assert "@ToFeed is gone from the mail of ann@x.org already" in str(error)
    assert sandbox.cards() == []
