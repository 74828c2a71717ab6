import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from mailroom.sandbox import Sandbox, fill_sample
from tests.browser.world import World, world

CHROMIUM = "/usr/bin/chromium"
SWITCHES = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    half_sent = pytest.mark.filterwarnings(
        # The daemon is cut off wherever it is, while it sends a request, too: httpx leaves half of it.
        "ignore:.*ByteStream.__aiter__:pytest.PytestUnraisableExceptionWarning",
    )
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker(pytest.mark.browser)
            item.add_marker(half_sent)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser, as playwright drives it; without types where that isn't installed."""
    driver = pytest.importorskip("playwright.sync_api", reason="playwright: pip install 'mailroom[browser]'")
    if shutil.which(CHROMIUM) is None:
        pytest.skip(f"{CHROMIUM}: apt-get install chromium")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=SWITCHES,
            # Off by default in playwright; people have it.
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        browser.close()


@pytest.fixture
def sample() -> Iterator[World]:
    """A daemon over the sample mailbox."""
    sandbox = Sandbox()
    fill_sample(sandbox)
    with world(sandbox) as running:
        yield running
