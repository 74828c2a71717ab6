"""Which accounts a process serves, where several share a folder."""

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.config.account_files import AccountFiles
from mailroom.config.environment import read_environment
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.shard import Shard, read_shard, shard_of
from mailroom.errors import ConfigError

FOLDER = Path("/srv/accounts")
ACCOUNTS = [f"account-{number}" for number in range(500)]


@pytest.mark.parametrize(
    ("text", "host", "shard"),
    [
        ("2/8", "mail", Shard(2, 8)),
        ("0/1", "mail", Shard(0, 1)),
        ("auto/8", "mailroom-7", Shard(7, 8)),
        ("auto/8", "mailroom-0.mailroom.svc.cluster.local", Shard(0, 8)),
        ("auto/20", "node12", Shard(12, 20)),
        ("auto/20", "node000000000012", Shard(12, 20)),
    ],
)
def test_it_is_a_number_or_that_at_the_end_of_the_hosts_name(text: str, host: str, shard: Shard) -> None:
    assert read_shard(text, host) == shard


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("8/8", "must be one of the shards 0 to 7, and is 8/8: they are counted from 0"),
        ("2/0", "must be one of 1 to 1,000 shards"),
        ("0/1001", "must be one of 1 to 1,000 shards"),
        ("2", "must be a shard and the number of shards, such as 0/4 or auto/4"),
        ("-1/4", "must be a shard and the number of shards, such as 0/4 or auto/4"),
        ("auto/auto", "must be a shard and the number of shards, such as 0/4 or auto/4"),
        ("auto/8", "is auto, but the name of this host, mail, has no number at its end: write the number"),
    ],
)
def test_one_that_cannot_be_is_told(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        read_shard(text, "mail")


@pytest.mark.parametrize("number", ["8", "10000000003", "1" * 55], ids=len)
def test_a_host_beyond_the_last_shard_is_told_by_its_name(number: str) -> None:
    problem = (
        f"is auto, but the name of this host, mailroom-{number}, ends in {number}, and the shards are 0 to 7: "
        "write this one's number, or give all processes a higher number of shards"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        read_shard("auto/8", f"mailroom-{number}")


@given(st.text(min_size=1), st.integers(1, 50))
def test_each_account_is_in_one_shard(name: str, of: int) -> None:
    assert [number for number in range(of) if Shard(number, of).holds(name)] == [shard_of(name, of).number]


def test_shards_are_of_about_the_same_size() -> None:
    sizes = Counter(shard_of(f"account-{number}", 8).number for number in range(8_000))
    assert min(sizes.values()) > 850


def unserved(running: set[Shard]) -> set[str]:
    return {name for name in ACCOUNTS if not any(shard.holds(name) for shard in running)}


def test_from_4_to_8_process_by_process_nobody_is_left_out() -> None:
    """The new ones are started, then the old ones anew: an account stays where it is, or goes to the one four above."""
    running = {Shard(number, 4) for number in range(4)}
    for number in range(4, 8):
        running |= {Shard(number, 8)}
        assert unserved(running) == set()
    for number in range(4):
        running -= {Shard(number, 4)}
        # As in any new start; the twin serves them meanwhile, where there is one.
        assert unserved(running) == {name for name in ACCOUNTS if Shard(number, 8).holds(name)}
        running |= {Shard(number, 8)}
        assert unserved(running) == set()
    assert running == {Shard(number, 8) for number in range(8)}


class TestSettings:
    def test_tell_the_shard_and_the_seconds(self) -> None:
        settings = ProcessSettings.model_validate({"accounts": FOLDER, "shard": "2/8", "standby_seconds": "5"})
        assert (settings.shard, settings.standby_seconds) == (Shard(2, 8), 5.0)

    @pytest.mark.parametrize(
        ("given", "problem"),
        [
            ({"shard": "0/2"}, "MAILROOM_ACCOUNTS is missing: a shard is a part of its accounts (docs/accounts.md)"),
            (
                {"accounts": FOLDER, "shard": "2/2"},
                "MAILROOM_SHARD must be one of the shards 0 to 1, and is 2/2: they are counted from 0",
            ),
            ({"standby_seconds": "-1"}, "MAILROOM_STANDBY_SECONDS must be a number of seconds from 0 to 600"),
            ({"standby_seconds": "soon"}, "MAILROOM_STANDBY_SECONDS must be a number of seconds from 0 to 600"),
        ],
    )
    def test_say_what_is_wrong(self, given: dict[str, object], problem: str) -> None:
        with pytest.raises(ConfigError) as raised:
            ProcessSettings.model_validate(given)
        assert raised.value.problems == (problem,)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("SHARD", "8/8", "MAILROOM_SHARD must be one of the shards 0 to 7, and is 8/8: they are counted from 0"),
        ("SHARD", "2/0", "MAILROOM_SHARD must be one of 1 to 1,000 shards"),
        ("STANDBY_SECONDS", "soon", "MAILROOM_STANDBY_SECONDS must be a number of seconds from 0 to 600"),
    ],
)
def test_what_is_wrong_is_all_that_a_start_tells(
    name: str, value: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not that a token is missing, too: with a folder none is wanted."""
    monkeypatch.setenv("MAILROOM_ACCOUNTS", str(FOLDER))
    monkeypatch.setenv(f"MAILROOM_{name}", value)
    with pytest.raises(ConfigError) as raised:
        read_environment()
    assert raised.value.problems == (problem,)


def test_a_folder_is_read_for_a_shard_alone_mistakes_too(tmp_path: Path) -> None:
    names = [f"a{number}" for number in range(12)]
    for name in names:
        right = f'jmap_session_url = "https://{name}.example/"\njmap_token = "t"\n'
        file = tmp_path / f"{name}.toml"
        file.write_text(right if name != "a3" else "nonsense = 1\n")
        file.chmod(0o600)
    parts = [AccountFiles(tmp_path, Shard(number, 3)).read() for number in range(3)]
    assert sorted(name for part in parts for name in part.names) == sorted(names)
    assert [sorted(part.mistakes) for part in parts].count(["a3"]) == 1
