"""Several accounts in one process: what one of them does to the others, which is nothing."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

import structlog
import trio
from pydantic import SecretStr
from structlog.typing import EventDict

from mailroom.config.account_files import Reading
from mailroom.config.account_settings import AccountConfig, AccountSettings
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.daemon.accounts import Accounts
from mailroom.http_clients import shared_http
from mailroom.sandbox import Sandbox, faults
from mailroom.sandbox.faults import Endpoint
from tests.guard import GUARD_SECONDS
from tests.screener import empty_sandbox, served_here

CALM = {"poll_interval": 3600, "debounce_seconds": 0}


@dataclass
class Household:
    """Accounts that run here, and the mailbox of each."""

    accounts: Accounts
    mailboxes: dict[str, Sandbox]
    configured: dict[str, AccountConfig]
    logs: list[EventDict] = field(default_factory=list)

    def take(self, **mistakes: str) -> None:
        problems = {name: (mistake,) for name, mistake in mistakes.items()}
        self.accounts.take(Reading(dict(self.configured), problems, frozenset()))

    async def has_tried(self, *names: str) -> None:
        for name in names:
            await self.accounts[name].status.first_try()

    async def files(self, name: str) -> None:
        """A mail with a label comes to this account, and is filed."""
        sandbox = self.mailboxes[name]
        mail = sandbox.deliver(f"New <new{len(sandbox.requests)}@example.org>", mailboxes=("Screener", "@ToFeed"))
        while sandbox.mailboxes_of(mail) != {"Feed"}:
            await sandbox.changed()

    def logged(self, event: str) -> list[EventDict]:
        return [line for line in self.logs if line["event"] == event]


@asynccontextmanager
async def household(*names: str, standby_seconds: float = 0) -> AsyncIterator[Household]:
    """Mailboxes on servers of their own; no account runs before the first `take`."""
    mailboxes = {name: empty_sandbox() for name in names}
    with trio.fail_after(GUARD_SECONDS), structlog.testing.capture_logs() as logs:
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(shared_http())
            configured = {}
            for name, sandbox in mailboxes.items():
                url = await stack.enter_async_context(served_here(sandbox))
                configured[name] = config(name, str(url), sandbox.token)
            async with trio.open_nursery() as nursery:
                process = ProcessSettings(standby_seconds=standby_seconds)
                yield Household(Accounts(http, nursery, process), mailboxes, configured, logs)
                nursery.cancel_scope.cancel()


def config(name: str, url: str, token: str) -> AccountConfig:
    settings = AccountSettings.model_validate({"jmap_session_url": url, "jmap_token": token, **CALM})
    return AccountConfig(name, settings, DEFAULT_SCHEME)


async def test_each_files_its_own_mail() -> None:
    async with household("anna", "bert") as home:
        home.take()
        await home.has_tried("anna", "bert")
        await home.files("anna")
        await home.files("bert")
        assert sorted(home.accounts) == ["anna", "bert"]


async def test_on_a_standby_each_says_so_one_that_cannot_be_read_too() -> None:
    async with household("anna", standby_seconds=5) as home:
        home.take(bert="bert.toml: nonsense")
        assert [home.accounts[name].status.health().role for name in ("anna", "bert")] == ["standby", "standby"]


async def test_what_is_added_starts_what_is_removed_stops_and_the_others_do_not_notice() -> None:
    async with household("anna", "bert", "cleo") as home:
        cleo = home.configured.pop("cleo")
        home.take()
        await home.has_tried("anna", "bert")
        streams = home.mailboxes["anna"].broadcaster
        before = home.accounts["anna"]
        home.configured["cleo"] = cleo
        del home.configured["bert"]
        home.take()
        await home.has_tried("cleo")
        await home.files("cleo")
        assert sorted(home.accounts) == ["anna", "cleo"]
        assert home.accounts["anna"] is before
        asked = [each.endpoint for each in home.mailboxes["anna"].requests]
        assert asked.count(Endpoint.EVENT) == 1
        await home.files("anna")
        assert streams is home.mailboxes["anna"].broadcaster
        told = home.logged("accounts_changed")[-1]
        assert (told["added"], told["changed"], told["removed"]) == (["cleo"], [], ["bert"])
        asked_of_bert = len(home.mailboxes["bert"].requests)
        home.mailboxes["bert"].deliver(mailboxes=("Screener", "@ToFeed"))
        await home.files("anna")
        assert len(home.mailboxes["bert"].requests) == asked_of_bert


async def test_what_is_configured_otherwise_starts_anew() -> None:
    async with household("anna", "bert") as home:
        home.take()
        await home.has_tried("anna", "bert")
        before = home.accounts["anna"]
        home.mailboxes["anna"].token = "rotated"  # noqa: S105  invented
        settings = home.configured["anna"].settings.model_copy(update={"jmap_token": SecretStr("rotated")})
        home.configured["anna"] = replace(home.configured["anna"], settings=settings)
        home.take()
        assert home.accounts["anna"] is not before
        await home.has_tried("anna")
        await home.files("anna")
        assert home.logged("accounts_changed")[-1]["changed"] == ["anna"]


async def test_nobody_waits_for_the_first_try_of_one_that_is_gone_or_another_by_then() -> None:
    async with household("anna", "bert") as home:
        home.take()
        before = [home.accounts[name].status for name in ("anna", "bert")]
        assert [status.tried for status in before] == [False, False]
        settings = home.configured["anna"].settings.model_copy(update={"debounce_seconds": 1})
        home.configured = {"anna": replace(home.configured["anna"], settings=settings)}
        home.take()
        assert [status.tried for status in before] == [True, True]
        assert not home.accounts["anna"].status.tried


async def test_one_that_is_not_enabled_is_not_served() -> None:
    async with household("anna", "bert") as home:
        home.configured["bert"] = replace(home.configured["bert"], enabled=False)
        home.take()
        await home.has_tried("anna")
        assert list(home.accounts) == ["anna"]
        home.configured["anna"] = replace(home.configured["anna"], enabled=False)
        home.take()
        assert list(home.accounts) == []


async def test_one_whose_file_has_a_mistake_now_goes_on_as_it_was_and_is_told_of_once() -> None:
    async with household("anna", "bert") as home:
        home.take()
        await home.has_tried("anna", "bert")
        before = home.accounts["anna"]
        del home.configured["anna"]
        home.take(anna="anna.toml: jmap_token must be an API token")
        home.take(anna="anna.toml: jmap_token must be an API token")
        assert home.accounts["anna"] is before
        await home.files("anna")
        (told,) = home.logged("account_misconfigured")
        assert (told["account"], told["hint"]) == ("anna", "it goes on as it was")


async def test_one_whose_file_has_a_mistake_from_the_start_is_told_in_health_until_it_is_mended() -> None:
    async with household("anna", "bert") as home:
        anna = home.configured.pop("anna")
        home.take(anna="anna.toml: jmap_token must be an API token")
        await home.has_tried("bert")
        assert home.accounts["anna"].status.health().last_poll_error == "anna.toml: jmap_token must be an API token"
        assert not home.accounts["anna"].status.is_well
        home.configured["anna"] = anna
        home.take()
        await home.has_tried("anna")
        await home.files("anna")


async def test_two_names_for_one_mail_account_are_found_out_and_the_second_is_set_aside() -> None:
    async with household("anna") as home:
        url = home.configured["anna"].settings.jmap_session_url.replace("/jmap/session", "/.well-known/jmap")
        home.take()
        await home.has_tried("anna")
        home.configured["double"] = config("double", url, home.mailboxes["anna"].token)
        home.take()
        await home.has_tried("double")
        error = home.accounts["double"].status.health().last_poll_error
        assert error == "double.toml and anna.toml are the same mail account: remove one of them"
        await home.files("anna")
        # The first one gone, the second is free to start.
        double = home.configured["double"]
        home.configured = {
            "double": replace(double, settings=double.settings.model_copy(update={"debounce_seconds": 1}))
        }
        home.take()
        await home.has_tried("double")
        assert home.accounts["double"].status.is_well


async def test_one_that_never_succeeds_beside_nine_that_do() -> None:
    names = [f"a{number}" for number in range(10)]
    async with household(*names) as home:
        home.mailboxes["a3"].faults.next_request(faults.status(500), endpoint=None, times=None)
        home.take()
        await home.has_tried(*names)
        for name in names:
            if name != "a3":
                await home.files(name)
        assert [name for name in names if not home.accounts[name].status.ready] == ["a3"]


async def test_refused_credentials_set_one_aside_and_the_others_go_on() -> None:
    async with household("anna", "bert") as home:
        home.mailboxes["anna"].token = "another"  # noqa: S105  invented
        home.take()
        await home.has_tried("anna", "bert")
        while home.accounts["anna"].status.is_well:
            await trio.testing.wait_all_tasks_blocked(0.01)
        assert "refused the credentials" in str(home.accounts["anna"].status.health().last_poll_error)
        await home.files("bert")
        assert len(home.logged("account_set_aside")) == 1
