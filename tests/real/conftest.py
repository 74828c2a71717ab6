"""Fixtures for the tests against real servers.

Tests that need another server than the sandbox, Cyrus or Radicale, are marked as `real`, and run by `just real` alone.
Nothing is skipped: a server that is missing fails its tests.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.real import cyrus as cyrus_server
from tests.real import radicale as radicale_server
from tests.real.accounts import Account, cyrus_account, radicale_account, radicale_book, sandbox_account
from tests.real.cyrus import Cyrus, running_cyrus, running_indexer
from tests.real.mailbox_user import MailboxUser, create_mailbox_user
from tests.real.radicale import Radicale, running_radicale

ON_SANDBOX = pytest.param("sandbox", marks=pytest.mark.exhaustive)
"""There the tests of each room show the same."""

ON_CYRUS = pytest.param("cyrus", marks=pytest.mark.real)
"""The parameter of `account`; a test that comes to Cyrus by a parameter is not known by its fixtures."""

ON_RADICALE = pytest.param("radicale", marks=pytest.mark.real)

SERVERS = frozenset({"cyrus", "indexed_cyrus", "radicale"})
"""The fixtures that need one."""

HERE = Path(__file__).parent

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == HERE and isinstance(item, pytest.Function) and SERVERS.intersection(item.fixturenames):
            item.add_marker(pytest.mark.real)


def demand(missing: str | None) -> None:
    """Fail the test for what is missing on this machine; None: nothing is."""
    if missing is not None:
        pytest.fail(missing, pytrace=False)


@pytest.fixture(scope="session")
def cyrus() -> Iterator[Cyrus]:
    """A Cyrus without search indexer: `from` filters don't see new mail until `cyrus.index(user)`."""
    demand(cyrus_server.why_missing())
    with running_cyrus() as server:
        yield server


@pytest.fixture(scope="session")
def indexed_cyrus() -> Iterator[Cyrus]:
    """A second Cyrus, with the search indexer running beside it."""
    demand(cyrus_server.why_missing())
    with running_cyrus() as server, running_indexer(server):
        yield server


@pytest.fixture(scope="session")
def radicale() -> Iterator[Radicale]:
    demand(radicale_server.why_missing())
    with running_radicale() as server:
        yield server


@pytest.fixture
def mailbox_user(cyrus: Cyrus) -> MailboxUser:
    """A fresh user of the shared Cyrus, with every mailbox and contact group of the default categories."""
    return create_mailbox_user(cyrus, f"user{next(_numbers)}")


@pytest.fixture
def indexed_mailbox_user(indexed_cyrus: Cyrus) -> MailboxUser:
    """The same on the Cyrus with the search indexer."""
    return create_mailbox_user(indexed_cyrus, f"user{next(_numbers)}")


@pytest.fixture(params=[ON_SANDBOX, ON_CYRUS, ON_RADICALE])
def account(request: pytest.FixtureRequest) -> Account:
    """An account over JMAP alone, on Cyrus, and in the sandbox with contacts on Radicale."""
    found: Account = request.getfixturevalue(f"on_{request.param}")
    return found


@pytest.fixture
def on_sandbox() -> Account:
    return sandbox_account()


@pytest.fixture
def on_cyrus(mailbox_user: MailboxUser) -> Iterator[Account]:
    with mailbox_user.http() as http:
        yield cyrus_account(http, mailbox_user)


@pytest.fixture(scope="session")
def template_book(radicale: Radicale) -> str:
    """The url of the address book of the user `template`, with all groups: to copy it is quicker than to make one."""
    with httpx.Client(auth=("template", "any"), timeout=30) as http:
        return radicale_book(radicale, http, "template")


@pytest.fixture
def on_radicale(radicale: Radicale, template_book: str) -> Iterator[Account]:
    user = f"user{next(_numbers)}"
    radicale.copy_user("template", user)
    with httpx.Client(auth=(user, "any"), timeout=30) as http:
        yield radicale_account(http, user, template_book.replace("/template/", f"/{user}/"))
