"""A folder of accounts: what its files say, what is said about mistakes in them, and seeing that they have changed."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from mailroom.config.account_files import AccountFiles, look, read_folder
from mailroom.config.account_settings import SECRETS, AccountConfig, AccountSettings
from mailroom.config.keys import FileKeys
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.errors import ConfigError

ONE = 'jmap_token = "fmu1-s3cret"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "accounts"
    folder.mkdir(mode=0o700)
    return folder


def write(folder: Path, **files: str) -> None:
    """Write `NAME.toml` of each."""
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text)


def account(folder: Path, text: str, **more: str) -> AccountConfig:
    write(folder, anna=text, **more)
    reading = read_folder(folder)
    assert reading.mistakes == {}
    return reading.accounts["anna"]


def mistakes(folder: Path, text: str, **more: str) -> tuple[str, ...]:
    write(folder, anna=text, **more)
    return read_folder(folder).mistakes["anna"]


def told(folder: Path) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as raised:
        read_folder(folder)
    return raised.value.problems


class TestAFile:
    def test_may_be_as_short_as_a_token(self, folder: Path) -> None:
        found = account(folder, ONE)
        settings = AccountSettings.model_validate({"jmap_token": "fmu1-s3cret"}, context=FileKeys("anna.toml"))
        assert found == AccountConfig("anna", settings, DEFAULT_SCHEME, folder / "anna.toml")

    def test_holds_settings_and_scheme_and_names_secrets_from_the_folder_on(self, folder: Path, tmp_path: Path) -> None:
        (folder / "secrets").mkdir()
        (folder / "secrets" / "anna").write_text(" pass word \n")
        (tmp_path / "beat").write_text("\ufeffhttps://kuma.example/s3cret\n")
        found = account(
            folder,
            'jmap_username = "anna"\njmap_password_file = "secrets/anna"\n'
            f'heartbeat_url_file = "{tmp_path}/beat"\npoll_interval = 90\nenabled = false\n'
            'screener_mailbox = "Waiting room"\n[screening]\nmode = "watch"\n',
        )
        assert found.settings.jmap_password == SecretStr(" pass word ")
        assert found.settings.heartbeat_url == SecretStr("https://kuma.example/s3cret")
        assert (found.settings.poll_interval, found.enabled) == (90, False)
        assert (found.scheme.screener, found.scheme.screening.mode) == ("Waiting room", "watch")

    def test_wins_over_the_defaults_key_by_key(self, folder: Path) -> None:
        found = account(
            folder,
            'jmap_token = "fmu1-s3cret"\npoll_interval = 5\ncategories = ["Feed"]\n[screening]\ndays = 3\n',
            defaults='jmap_session_url = "https://mail.example/"\npoll_interval = 7\nsubject_code = "blue heron"\n'
            'categories = ["A", "B"]\n[screening]\nmode = "on"\ndays = 9\n',
        )
        assert (found.settings.jmap_session_url, found.settings.poll_interval) == ("https://mail.example/", 5)
        assert found.settings.subject_code == SecretStr("blue heron")
        assert [each.name for each in found.scheme.categories] == ["Feed"]
        assert (found.scheme.screening.mode, found.scheme.screening.days) == ("on", 3)

    def test_calls_settings_by_its_keys(self, folder: Path) -> None:
        settings = account(folder, ONE).settings
        assert settings.key("jmap_token") == "jmap_token in anna.toml"
        assert settings.names.assigned("screening", "on") == 'mode = "on" below [screening] in anna.toml'

    def test_takes_nothing_from_the_environment(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MAILROOM_JMAP_USERNAME", "bob")
        assert account(folder, ONE).settings.jmap_username is None


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (ONE + "poll_intervall = 60\n", ["poll_intervall is not a key here; did you mean poll_interval?"]),
        (ONE + "health_port = 1\n", ["health_port is not an account's: set MAILROOM_HEALTH_PORT for the process"]),
        (ONE + "enabled = 1\n", ["enabled must be true or false"]),
        (
            ONE + 'poll_interval = "60"\n',
            ["poll_interval must be a number of seconds from 1 to 86400, and is a text"],
        ),
        (
            ONE + "poll_interval = true\n",
            ["poll_interval must be a number of seconds from 1 to 86400, and is true or false"],
        ),
        (ONE + "poll_interval = 0\n", ["poll_interval must be a number of seconds from 1 to 86400"]),
        (ONE + "contacts = []\n", ["contacts must be auto, jmap or carddav, and is a list"]),
        ("jmap_token = 1\n", ["jmap_token must be an API token, and is a whole number"]),
        (
            ONE + 'jmap_token_file = "/etc/hostname"\n',
            ["jmap_token and jmap_token_file are both set; remove the one that is not meant"],
        ),
        (
            'jmap_token_file = "s3cret"\n',
            ["jmap_token_file names a file that can't be read: No such file or directory"],
        ),
        ('jmap_token_file = ""\n', ["jmap_token_file must be the path of a file, from the folder of the accounts on"]),
        ('jmap_token_file = "empty"\n', ["jmap_token_file names a file that is empty"]),
        ('jmap_token_file = "."\n', ["jmap_token_file names a file that can't be read: Is a directory"]),
        ('jmap_token_file = "pipe"\n', ["jmap_token_file names something that is no regular file"]),
        ('jmap_token_file = "binary"\n', ["jmap_token_file names a file that is not UTF-8 text"]),
        ('jmap_token_file = "endless"\n', ["jmap_token_file names a file that is too large for a secret"]),
        ('jmap_username = "anna"\n', ["jmap_password is missing; jmap_username is useless without it"]),
        ("screener_mailbox = 1\n" + ONE, ["screener_mailbox must be text, not empty and without line breaks"]),
        (ONE + '[page]\nblock = "Fead"\n', ["page: block: Fead is not a category; did you mean Feed?"]),
        (ONE + "[screening]\ndays = 0\n", ["screening: days must be a whole number of days from 1 to 365"]),
        ('jmap_token = "fmu1-s3cret\n', ["it is not TOML (at line 1, column 26)"]),
        ('jmap_token = "fmu1-s3', ["it is not TOML (at end of document)"]),
        ("a=" + "[" * 5000, ["it nests lists or tables too deep"]),
        ("a=" + "1" * 5000, ["it holds a number that is too long"]),
    ],
)
def test_a_mistake_is_told_with_file_key_and_kind_and_never_with_the_value(
    folder: Path, text: str, problems: list[str]
) -> None:
    (folder / "empty").write_text("\n")
    (folder / "binary").write_bytes(b"\xff")
    (folder / "endless").write_text("x" * 65_537)
    os.mkfifo(folder / "pipe")
    found = mistakes(folder, text)
    assert [*found] == [f"anna.toml: {problem}" for problem in problems]


def test_all_problems_of_all_files_come_at_once(folder: Path) -> None:
    write(folder, anna='poll_interval = "x"\nhelth_port = 1\n', bob="contacts = 1\n", carl=ONE)
    (folder / "Dora.toml").write_text(ONE)
    (folder / "eve.toml").write_bytes(b"\xff")
    reading = read_folder(folder)
    assert {name: len(problems) for name, problems in reading.mistakes.items()} == {
        "Dora": 1,
        "anna": 2,
        "bob": 2,
        "eve": 1,
    }
    assert reading.mistakes["Dora"][0].startswith("Dora.toml: an account's name is made of small letters")
    assert [*reading.accounts] == ["carl"]


def test_without_a_login_it_says_how_to_get_one(folder: Path) -> None:
    (problem,) = mistakes(folder, "")
    assert problem.startswith("anna.toml: jmap_token_file is missing. On Fastmail, make an API token ")


def test_a_mistake_in_the_defaults_is_told_once_for_all(folder: Path) -> None:
    write(folder, anna=ONE, bob=ONE, defaults='poll_interval = 0\njmap_username_file = "x"\n')
    assert told(folder) == (
        "defaults.toml: jmap_username_file is not a key here; did you mean jmap_username?",
        "defaults.toml: poll_interval must be a number of seconds from 1 to 86400",
    )


def test_half_a_login_may_be_in_the_defaults(folder: Path) -> None:
    (folder / "master").write_text("s3cret")
    found = account(folder, 'jmap_username = "anna"\n', defaults='jmap_password_file = "master"\n')
    assert found.settings.jmap_password == SecretStr("s3cret")


class TestTwoFilesForOneAccount:
    SECOND = ("bob.toml: it is the same account as anna.toml: the same jmap_session_url and login",)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (ONE, ONE + 'jmap_session_url = "https://API.fastmail.com:443/jmap/session"\n'),
            (ONE, 'jmap_token_file = "token"\n'),
            ('jmap_username = "a"\njmap_password = "x"\n', 'jmap_username = "a"\njmap_password = "y"\n'),
        ],
    )
    def test_the_second_by_name_is_refused(self, folder: Path, one: str, other: str) -> None:
        (folder / "token").write_text("fmu1-s3cret\n")
        write(folder, bob=other, anna=one)
        reading = read_folder(folder)
        assert ([*reading.accounts], reading.mistakes) == (["anna"], {"bob": self.SECOND})

    @pytest.mark.parametrize(
        "other", ['jmap_token = "fmu1-other"\n', ONE + 'jmap_session_url = "https://x.example/"\n']
    )
    def test_another_login_or_server_is_another(self, folder: Path, other: str) -> None:
        write(folder, anna=ONE, bob=other)
        assert [*read_folder(folder).accounts] == ["anna", "bob"]

    def test_one_that_is_not_served_is_in_nobodys_way(self, folder: Path) -> None:
        write(folder, anna=ONE + "enabled = false\n", bob=ONE)
        assert [*read_folder(folder).accounts] == ["anna", "bob"]


class TestANameOfAProxysUser:
    """Who is the owner of two accounts could not be told which one the page shows."""

    TAKEN = "page_proxy_users has a name that anna.toml has, too: a name is the owner of one account"

    def test_in_two_files_is_refused_in_the_second(self, folder: Path) -> None:
        write(folder, anna=ONE + 'page_proxy_users = "ann, both"\n')
        write(folder, bob='jmap_token = "fmu1-bob"\npage_proxy_users = ["bob", "both"]\n')
        write(folder, carl='jmap_token = "fmu1-carl"\npage_proxy_users = "bob"\n')
        reading = read_folder(folder)
        # What a refused file says is nobody's.
        assert ([*reading.accounts], reading.mistakes) == (["anna", "carl"], {"bob": (f"bob.toml: {self.TAKEN}",)})

    def test_twice_in_one_file_or_in_one_that_is_not_served_is_in_nobodys_way(self, folder: Path) -> None:
        write(folder, anna=ONE + 'page_proxy_users = "ann"\nenabled = false\n')
        write(folder, bob='jmap_token = "fmu1-bob"\npage_proxy_users = "ann, ann"\n')
        assert [*read_folder(folder).accounts] == ["anna", "bob"]

    def test_is_nothing_for_all(self, folder: Path) -> None:
        write(folder, anna=ONE, defaults='page_proxy_users = "ann"\n')
        assert told(folder) == ("defaults.toml: page_proxy_users is for one account: write it into that one's file",)


class TestASecretInTheFileItself:
    @pytest.mark.parametrize(
        ("folder_mode", "mode", "is_taken"),
        [(0o755, 0o640, True), (0o755, 0o644, False), (0o750, 0o644, True), (0o755, 0o604, False)],
    )
    def test_is_taken_only_where_others_can_not_read_it(
        self, folder: Path, folder_mode: int, mode: int, is_taken: bool
    ) -> None:
        write(folder, anna=ONE)
        (folder / "anna.toml").chmod(mode)
        folder.chmod(folder_mode)
        problem = "anna.toml: jmap_token can be read by everybody: chmod o-r anna.toml, or use jmap_token_file"
        assert read_folder(folder).mistakes == ({} if is_taken else {"anna": (problem,)})

    def test_is_looked_at_where_a_link_leads(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "anna").write_text(ONE)
        (tmp_path / "anna").chmod(0o644)
        tmp_path.chmod(0o755)
        (folder / "anna.toml").symlink_to(tmp_path / "anna")
        assert [*read_folder(folder).mistakes] == ["anna"]

    def test_no_secret_may_be_read_by_anybody(self, folder: Path) -> None:
        write(folder, anna='jmap_token_file = "token"\n')
        (folder / "token").write_text("fmu1-s3cret")
        (folder / "anna.toml").chmod(0o644)
        folder.chmod(0o755)
        assert [*read_folder(folder).accounts] == ["anna"]


def test_every_setting_with_a_secret_may_be_in_a_file_of_its_own() -> None:
    fields = AccountSettings.model_fields.items()
    secret = [name for name, field in fields if SecretStr in (field.annotation, *_parts(field.annotation))]
    assert sorted(SECRETS) == sorted(secret)


def _parts(annotation: object) -> Iterator[object]:
    for part in get_args(annotation):
        yield part
        yield from _parts(part)


class TestAFolder:
    def test_without_an_account_is_a_fault(self, folder: Path) -> None:
        (folder / ".anna.toml.swp").touch()
        (folder / ".bob.toml").touch()
        assert told(folder) == (
            f"MAILROOM_ACCOUNTS: {folder} holds no account; put a file such as anna.toml there (docs/accounts.md), "
            "or mount it",
        )
        write(folder, defaults="")
        assert told(folder)[0].startswith(f"MAILROOM_ACCOUNTS: {folder} holds no account but defaults.toml; put ")

    def test_that_is_not_there_is_a_fault(self, folder: Path) -> None:
        folder.rmdir()
        assert told(folder) == (f"MAILROOM_ACCOUNTS: {folder} can't be read: No such file or directory",)
        with pytest.raises(ConfigError):
            look(folder, frozenset())


class TestALook:
    """What another look sees is what a daemon reads again for."""

    @pytest.fixture
    def files(self, folder: Path) -> AccountFiles:
        (folder / "token").write_text("fmu1-s3cret")
        write(folder, anna='jmap_token_file = "token"\n', bob='jmap_token_file = "missing"\n')
        files = AccountFiles(folder)
        files.read()
        return files

    def test_is_the_same_while_nothing_changes(self, files: AccountFiles, folder: Path) -> None:
        before = files.look()
        (folder / "notes.txt").write_text("x")
        files.read()
        assert files.look() == before

    @pytest.mark.parametrize(
        "change", ["added", "removed", "changed", "of one size", "rotated", "appeared", "relinked"]
    )
    def test_is_another_after_a_change(self, files: AccountFiles, folder: Path, change: str) -> None:
        if change == "relinked":  # as Kubernetes updates a volume
            for version in ("..1", "..2"):
                (folder / version).mkdir()
                (folder / version / "carl.toml").write_text(ONE)
            (folder / "..data").symlink_to("..1")
            (folder / "carl.toml").symlink_to("..data/carl.toml")
        before = files.look()
        match change:
            case "added":
                write(folder, carl=ONE)
            case "removed":
                (folder / "bob.toml").unlink()
            case "changed":
                write(folder, anna='jmap_token_file = "token"\npoll_interval = 5\n')
            case "of one size":
                (folder / "new").write_text((folder / "anna.toml").read_text().replace("token", "nekot"))
                os.utime(folder / "new", ns=(0, (folder / "anna.toml").stat().st_mtime_ns))
                (folder / "new").replace(folder / "anna.toml")
            case "rotated":
                (folder / "token").write_text("fmu1-another")
            case "appeared":
                (folder / "missing").write_text("fmu1-bob")
            case "relinked":
                (folder / "..new").symlink_to("..2")
                (folder / "..new").rename(folder / "..data")
        assert files.look() != before

    def test_knows_the_secrets_that_the_last_reading_found(self, files: AccountFiles, folder: Path) -> None:
        write(folder, anna='jmap_token_file = "other"\n')
        (folder / "other").write_text("fmu1-other")
        files.read()
        before = files.look()
        (folder / "token").write_text("nobody's now")
        assert files.look() == before
        (folder / "other").write_text("fmu1-rotated")
        assert files.look() != before


MARK = "s3cr3t-Z9"
_KEYS = [*AccountSettings.model_fields, *(f"{secret}_file" for secret in SECRETS), "enabled", "own_addresses", "xyzzy"]
_PIECES = [*(f'"{each}"' for each in (MARK, f"Bearer {MARK}", f"{MARK} x", f"https://{MARK}:x/", f"ü{MARK}")), MARK]
_VALUES = st.sampled_from([*_PIECES, *(f"[{each}]" for each in _PIECES), f'{{ x = "{MARK}" }}', f'"{MARK}', "1", "''"])


@given(st.lists(st.tuples(st.sampled_from(_KEYS), _VALUES), max_size=6))
def test_no_mistake_tells_a_value(tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, str]]) -> None:
    folder = tmp_path_factory.mktemp("accounts")
    (folder / MARK).write_text(f"{MARK} {MARK}")
    text = "".join(f"{key} = {value}\n" for key, value in lines)
    write(folder, anna=text, bob=text, carl=f'jmap_token = "{MARK}"\n', dora=f'jmap_token = "{MARK}"\n')
    reading = read_folder(folder)
    assert "dora" in reading.mistakes
    assert MARK not in "".join("".join(problems) for problems in reading.mistakes.values())
    write(folder, defaults=text)
    told = ""
    try:
        read_folder(folder)
    except ConfigError as invalid:
        told = str(invalid)
    assert MARK not in told
