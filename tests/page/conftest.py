import pytest

from mailroom.page import keys


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """At a test's end the daemon is cut off wherever it is, while it sends a request, too: httpx leaves half of it."""
    half_sent = pytest.mark.filterwarnings(
        "ignore:.*ByteStream.__aiter__:pytest.PytestUnraisableExceptionWarning",
    )
    for item in items:
        if item.path.parent.name == "page":
            item.add_marker(half_sent)


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password takes a third of a second on purpose; here nobody guesses any."""
    monkeypatch.setattr(keys, "_COST", 2)
