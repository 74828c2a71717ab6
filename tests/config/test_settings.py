"""Settings from variables, `.env` and secret files, and what is said about bad ones."""
# ruff: noqa: S105, S106  passwords that are invented

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from mailroom.config.account_settings import AccountConfig, AccountSettings
from mailroom.config.environment import Environment, read_environment
from mailroom.config.keys import VARIABLES
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.config.screening import Screening
from mailroom.errors import ConfigError

TOKEN = "fmu1-s3cret"


@pytest.fixture
def secrets_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    return folder


def set_variables(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"MAILROOM_{name}", value)


def problems() -> tuple[str, ...]:
    with pytest.raises(ConfigError) as raised:
        read_environment()
    return raised.value.problems


def account(read: Environment) -> AccountConfig:
    assert read.account is not None
    return read.account


def token_of(read: Environment) -> str | None:
    token = account(read).settings.jmap_token
    return token.get_secret_value() if token else None


# --- where settings come from


def test_a_token_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch, JMAP_TOKEN=TOKEN)
    read = read_environment()
    assert read.process.model_dump() | account(read).settings.model_dump() == {
        "jmap_token": SecretStr(TOKEN),
        "jmap_username": None,
        "jmap_password": None,
        "jmap_session_url": "https://api.fastmail.com/jmap/session",
        "contacts": "auto",
        "carddav_url": None,
        "carddav_username": None,
        "carddav_password": None,
        "poll_interval": 60.0,
        "debounce_seconds": 3.0,
        "accounts": None,
        "shard": None,
        "standby_seconds": 0.0,
        "health_host": "127.0.0.1",
        "health_port": 8080,
        "metrics_accounts": True,
        "page_password": None,
        "page_host": "127.0.0.1",
        "page_port": 8081,
        "page_url": None,
        "page_proxy_header": None,
        "page_proxy_from": (),
        "page_proxy_users": (),
        "page_proxy_secret": None,
        "heartbeat_url": None,
        "log_level": "info",
        "log_format": "auto",
        "max_consecutive_failures": 10,
        "subject_code": None,
    }
    assert account(read).scheme is DEFAULT_SCHEME


def test_every_setting_has_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(
        monkeypatch,
        JMAP_USERNAME="ann@example.com",
        JMAP_PASSWORD=" päss word ",
        JMAP_SESSION_URL="https://mail.example.com/jmap/",
        CONTACTS="CardDAV",
        CARDDAV_URL="http://127.0.0.1:5232/",
        CARDDAV_USERNAME="ann",
        CARDDAV_PASSWORD="other",
        POLL_INTERVAL="1.5",
        DEBOUNCE_SECONDS="0",
        HEALTH_HOST="::",
        HEALTH_PORT="65535",
        HEARTBEAT_URL=" http://kuma.lan:3001/api/push/s3cret?status=up&msg=OK&ping=\n",
        LOG_LEVEL=" Debug ",
        LOG_FORMAT="JSON",
        MAX_CONSECUTIVE_FAILURES="0",
        SCREENING="Watch",
        SUBJECT_CODE=" blue heron\n",
        CONFIG="~/mailroom.toml",
    )
    Path("mailroom.toml").write_text('screener_mailbox = "Waiting room"\n')
    monkeypatch.setenv("HOME", str(Path.cwd()))
    read = read_environment()
    assert read.process == ProcessSettings(
        health_host="::",
        health_port=65_535,
        log_level="debug",
        log_format="json",
    )
    assert account(read).settings == AccountSettings(
        jmap_username="ann@example.com",
        jmap_password=SecretStr(" päss word "),
        jmap_session_url="https://mail.example.com/jmap/",
        contacts="carddav",
        carddav_url="http://127.0.0.1:5232/",
        carddav_username="ann",
        carddav_password=SecretStr("other"),
        poll_interval=1.5,
        debounce_seconds=0,
        heartbeat_url=SecretStr("http://kuma.lan:3001/api/push/s3cret?status=up&msg=OK&ping="),
        max_consecutive_failures=0,
        subject_code=SecretStr("blue heron"),
    )
    assert (account(read).name, account(read).scheme_file) == (None, Path.cwd() / "mailroom.toml")
    assert account(read).scheme == replace(DEFAULT_SCHEME, screener="Waiting room", screening=Screening("watch"))


def service_links(service: str, protocol: str = "tcp") -> dict[str, str]:
    """What Kubernetes sets in each pod of a namespace that has a Service of this name, with a port called web."""
    name = service.upper().replace("-", "_")
    url = f"{protocol}://10.96.0.12:80"
    port = f"{name}_PORT_80_{protocol.upper()}"
    of_the_port = {port: url, f"{port}_PROTO": protocol, f"{port}_PORT": "80", f"{port}_ADDR": "10.96.0.12"}
    host = {f"{name}_SERVICE_HOST": "10.96.0.12", f"{name}_SERVICE_PORT": "80", f"{name}_SERVICE_PORT_WEB": "80"}
    return {**host, f"{name}_PORT": url, **of_the_port}


@pytest.mark.parametrize("protocol", ["tcp", "udp", "sctp"])
@pytest.mark.parametrize("service", ["mailroom", "mailroom-page", "mailroom-page-0", "mailroom-health"])
def test_what_a_cluster_sets_beside_a_service_is_no_setting(
    service: str, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in service_links(service, protocol).items():
        monkeypatch.setenv(name, value)
    Path(".env").write_text(f"MAILROOM_JMAP_TOKEN={TOKEN}\nMAILROOM_PAGE_PORT=9081\n")
    process = read_environment().process
    assert (process.health_port, process.page_port, process.shard) == (8080, 9081, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "9000"),
        ("PAGE_0_PORT", "9000"),
        ("PAGE_PORTS", "tcp://10.96.0.12:80"),
        ("PORT", "https://mailroom.example.com"),
        ("SERVICE", "10.96.0.12"),
    ],
)
def test_what_only_looks_like_it_is_a_slip(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch, JMAP_TOKEN=TOKEN, **{name: value})
    with pytest.raises(ConfigError, match=rf"MAILROOM_{name} \(in the environment\) is not a setting"):
        read_environment()


def test_dotenv_in_the_current_folder() -> None:
    Path(".env").write_text(f"# mine\nexport MAILROOM_JMAP_TOKEN='{TOKEN}'\nMAILROOM_HEALTH_PORT=9000\nOTHER=1\n")
    read = read_environment()
    assert (token_of(read), read.process.health_port) == (TOKEN, 9000)


@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_dotenv_is_taken_as_it_stands(quote: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    Path(".env").write_text(f"MAILROOM_JMAP_USERNAME=ann\nMAILROOM_JMAP_PASSWORD={quote}a${{HOME}}$b{quote}\n")
    password = account(read_environment()).settings.jmap_password
    assert password is not None
    assert password.get_secret_value() == "a${HOME}$b"


def test_dotenv_that_begins_with_a_byte_order_mark() -> None:
    Path(".env").write_text(f"MAILROOM_JMAP_TOKEN={TOKEN}\n", encoding="utf-8-sig")
    assert token_of(read_environment()) == TOKEN


@pytest.mark.parametrize("name", ["mailroom_jmap_token", "MAILROOM_JMAP_TOKEN"])
def test_secret_file(secrets_folder: Path, name: str) -> None:
    (secrets_folder / name).write_text(f"{TOKEN}\n")
    assert token_of(read_environment(secrets_folder=secrets_folder)) == TOKEN


def test_environment_wins_over_dotenv_and_dotenv_over_secret_files(
    monkeypatch: pytest.MonkeyPatch, secrets_folder: Path
) -> None:
    for name in ("jmap_token", "log_level", "health_port"):
        (secrets_folder / f"mailroom_{name}").write_text({"log_level": "error", "health_port": "1"}.get(name, TOKEN))
    Path(".env").write_text("MAILROOM_HEALTH_PORT=2\nMAILROOM_LOG_LEVEL=warning\n")
    set_variables(monkeypatch, HEALTH_PORT="3")
    read = read_environment(secrets_folder=secrets_folder)
    assert (token_of(read), read.process.log_level, read.process.health_port) == (TOKEN, "warning", 3)


def test_empty_means_unset(monkeypatch: pytest.MonkeyPatch, secrets_folder: Path) -> None:
    set_variables(monkeypatch, JMAP_TOKEN="", CARDDAV_URL="", POLL_INTERVAL=" ", CONFIG="", CARDDAV_PASSWORD=" ")
    Path(".env").write_text("MAILROOM_LOG_LEVEL=\nMAILROOM_HEALTH_PORT=''\n")
    (secrets_folder / "mailroom_jmap_token").write_text(TOKEN)
    (secrets_folder / "mailroom_jmap_password").write_text("\n")
    usual = AccountConfig(None, AccountSettings(jmap_token=SecretStr(TOKEN)), DEFAULT_SCHEME)
    assert read_environment(secrets_folder=secrets_folder) == Environment(ProcessSettings(), usual)


def test_white_space_around_a_value_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch, JMAP_TOKEN=TOKEN, HEALTH_HOST=" ::1 ", POLL_INTERVAL=" 5 ", CONFIG=" m.toml\n")
    Path("m.toml").touch()
    read = read_environment()
    found = (read.process.health_host, account(read).settings.poll_interval, account(read).scheme_file)
    assert found == ("::1", 5, Path("m.toml"))


@pytest.mark.parametrize("value", [f"{TOKEN}\n", f"  {TOKEN}\r\n", f"{TOKEN} "])
def test_white_space_around_a_token_is_dropped(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    set_variables(monkeypatch, JMAP_TOKEN=value)
    assert token_of(read_environment()) == TOKEN


def test_a_password_keeps_its_spaces_but_not_the_end_of_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch, JMAP_USERNAME="ann", JMAP_PASSWORD=" a b \n")
    password = account(read_environment()).settings.jmap_password
    assert password is not None
    assert password.get_secret_value() == " a b "


def test_settings_are_frozen() -> None:
    settings = AccountSettings(jmap_token=SecretStr(TOKEN))
    with pytest.raises(ValidationError):
        settings.poll_interval = 1


# --- what is said about bad ones

BAD_VALUES = [
    ("POLL_INTERVAL", "0.5", "must be a number of seconds from 1 to 86400"),
    ("POLL_INTERVAL", "86401", "must be a number of seconds from 1 to 86400"),
    ("POLL_INTERVAL", "nan", "must be a number of seconds from 1 to 86400"),
    ("POLL_INTERVAL", "inf", "must be a number of seconds from 1 to 86400"),
    ("POLL_INTERVAL", "60s", "must be a number of seconds from 1 to 86400"),
    ("DEBOUNCE_SECONDS", "-1", "must be a number of seconds from 0 to 60"),
    ("DEBOUNCE_SECONDS", "60.1", "must be a number of seconds from 0 to 60"),
    ("DEBOUNCE_SECONDS", "NaN", "must be a number of seconds from 0 to 60"),
    ("HEALTH_PORT", "0", "must be a whole number from 1 to 65535"),
    ("HEALTH_PORT", "65536", "must be a whole number from 1 to 65535"),
    ("HEALTH_PORT", "80.5", "must be a whole number from 1 to 65535"),
    ("HEALTH_HOST", "127.0.0.1:8080", "must be an IP address or a host name, without a port"),
    ("HEALTH_HOST", "http://localhost", "must be an IP address or a host name, without a port"),
    ("MAX_CONSECUTIVE_FAILURES", "-1", "must be a whole number, 0 or more (0 = never give up)"),
    ("CONTACTS", "ldap", "must be auto, jmap or carddav"),
    ("LOG_LEVEL", "loud", "must be debug, info, warning, error or critical"),
    ("LOG_FORMAT", "xml", "must be auto, json or console"),
    ("JMAP_SESSION_URL", "http://mail.example.com/", "must be an https url"),
    ("JMAP_SESSION_URL", "mail.example.com", "must be an https url"),
    ("JMAP_SESSION_URL", "https://", "must be an https url"),
    ("JMAP_SESSION_URL", "https://[bad", "is not a url"),
    ("JMAP_SESSION_URL", "https://mail example/", "is not a url"),
    ("JMAP_SESSION_URL", "https://mail.example.com:99999/", "is not a url"),
    ("JMAP_SESSION_URL", "https://ann:s3cret@mail.example.com/", "must not hold a user name or password"),
    ("CARDDAV_URL", "http://dav.example.com/", "must be an https url"),
    ("CARDDAV_URL", "https://s3cret@dav.example.com/", "must not hold a user name or password"),
    ("HEARTBEAT_URL", "kuma.lan/api/push/s3cret", "must be an http or https url"),
    ("HEARTBEAT_URL", "ftp://kuma.lan/s3cret", "must be an http or https url"),
    ("HEARTBEAT_URL", "https:///s3cret", "must be an http or https url"),
    ("HEARTBEAT_URL", "https://kuma lan/s3cret", "is not a url"),
    ("HEARTBEAT_URL", "https://kuma.lan:99999/s3cret", "is not a url"),
    ("JMAP_TOKEN", "s3cret\u00e9", "holds characters that no token has"),
    ("JMAP_TOKEN", "s3cret\x01", "holds characters that no token has"),
    ("JMAP_TOKEN", "s3cret s3cret", "holds characters that no token has"),
    ("JMAP_TOKEN", "Bearer s3cret", "must be the token alone, without the word Bearer"),
    ("JMAP_TOKEN", '"s3cret"', "must be the token alone, without quotes around it"),
]


@pytest.mark.parametrize(("name", "value", "said"), BAD_VALUES)
def test_a_bad_value_is_named_by_its_variable_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    set_variables(monkeypatch, **{"JMAP_TOKEN": TOKEN, name: value})
    (problem,) = problems()
    assert problem.startswith(f"MAILROOM_{name} {said}")
    assert "s3cret" not in problem


@pytest.mark.parametrize(
    ("name", "value"), [("JMAP_PASSWORD", "s3\ncret"), ("JMAP_PASSWORD", "s3\x7fcret"), ("JMAP_USERNAME", "s3:cret")]
)
def test_what_basic_auth_can_not_carry(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    set_variables(monkeypatch, **{"JMAP_USERNAME": "ann", "JMAP_PASSWORD": "x", name: value})
    (problem,) = problems()
    assert problem.startswith(f"MAILROOM_{name} holds ")
    assert "cret" not in problem


@pytest.mark.parametrize("url", ["http://localhost:1/", "http://127.8.8.8:1/", "http://[::1]:1/", "https://x.example/"])
def test_urls_that_credentials_may_go_to(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    set_variables(monkeypatch, JMAP_TOKEN=TOKEN, JMAP_SESSION_URL=url, CARDDAV_URL=url)
    settings = account(read_environment()).settings
    assert settings.jmap_session_url == settings.carddav_url == url


def test_without_a_login_it_says_how_to_get_one() -> None:
    assert problems() == (VARIABLES.how_to_log_in,)
    for part in ("MAILROOM_JMAP_TOKEN", "Settings → Privacy & Security → Manage API tokens", ".env", "/run/secrets"):
        assert part in VARIABLES.how_to_log_in


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            ("JMAP_TOKEN", "JMAP_USERNAME", "JMAP_PASSWORD"),
            "MAILROOM_JMAP_TOKEN and MAILROOM_JMAP_USERNAME or MAILROOM_JMAP_PASSWORD are both set; "
            "unset the one that is not meant",
        ),
        (("JMAP_USERNAME",), "MAILROOM_JMAP_PASSWORD is missing; MAILROOM_JMAP_USERNAME is useless without it"),
        (("JMAP_PASSWORD",), "MAILROOM_JMAP_USERNAME is missing; MAILROOM_JMAP_PASSWORD is useless without it"),
        (
            ("JMAP_TOKEN", "CARDDAV_USERNAME"),
            "MAILROOM_CARDDAV_PASSWORD is missing; MAILROOM_CARDDAV_USERNAME is useless without it",
        ),
    ],
)
def test_logins_that_are_double_or_half(monkeypatch: pytest.MonkeyPatch, given: tuple[str, ...], said: str) -> None:
    set_variables(monkeypatch, **dict.fromkeys(given, "s3cret"))
    assert problems() == (said,)


def test_unknown_names_are_refused_with_the_nearest_one(monkeypatch: pytest.MonkeyPatch, secrets_folder: Path) -> None:
    set_variables(monkeypatch, JMAP_TOKEN=TOKEN, POL_INTERVAL="60", XYZZY="1")
    Path(".env").write_text("mailroom_log_levle=debug\nMAILROOM=x\n")
    (secrets_folder / "mailroom_jmap_tokens").write_text("x")
    (secrets_folder / "another_programs_secret").write_text("x")
    with pytest.raises(ConfigError) as raised:
        read_environment(secrets_folder=secrets_folder)
    assert raised.value.problems == (
        "MAILROOM_POL_INTERVAL (in the environment) is not a setting; did you mean MAILROOM_POLL_INTERVAL?",
        "MAILROOM_XYZZY (in the environment) is not a setting",
        "MAILROOM_LOG_LEVLE (in .env) is not a setting; did you mean MAILROOM_LOG_LEVEL?",
        f"MAILROOM_JMAP_TOKENS (in {secrets_folder}) is not a setting; did you mean MAILROOM_JMAP_TOKEN?",
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        *(
            (line, "MAILROOM_JMAP_TOKEN (in .env) has no = after it; write MAILROOM_JMAP_TOKEN=…")
            for line in ("MAILROOM_JMAP_TOKEN:s3cret", "MAILROOM_JMAP_TOKEN:s3cret==", "MAILROOM_JMAP_TOKENs3cret")
        ),
        *(
            (line, f"what begins with MAILROOM_ (in .env) is not a setting's name with = after it{meant}")
            for line, meant in (
                ("MAILROOM_TOKEN-s3cret", "; did you mean MAILROOM_JMAP_TOKEN?"),
                ("MAILROOM_JMAP_TOs3cret", "; did you mean MAILROOM_JMAP_TOKEN?"),
                ("MAILROOM_s3cret", ""),
                ('MAILROOM_s3cret"', ""),
                ("MAILROOM_s3cret-s3cret==", ""),
            )
        ),
    ],
)
def test_what_is_glued_to_a_name_is_not_shown(monkeypatch: pytest.MonkeyPatch, line: str, said: str) -> None:
    set_variables(monkeypatch, JMAP_TOKEN=TOKEN)
    Path(".env").write_text(f"{line}\n")
    assert problems() == (said,)


@pytest.mark.parametrize("path", ["a\0b", "~a\0b/c"])
def test_a_path_with_a_nul_is_refused(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    set_variables(monkeypatch, JMAP_TOKEN=TOKEN)
    Path(".env").write_text(f"MAILROOM_CONFIG={path}\n")
    assert problems() == ("MAILROOM_CONFIG holds a NUL character, which no path has",)


@pytest.mark.parametrize("name", ["JMAP_SESSION_URL", "HEARTBEAT_URL"])
def test_bytes_that_are_no_text_are_no_url(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    set_variables(monkeypatch, **{"JMAP_TOKEN": TOKEN, name: "https://mail.example.com/\udcff"})
    (problem,) = problems()
    assert problem.startswith(f"MAILROOM_{name} ")
    assert "codec" not in problem


def test_every_problem_comes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(
        monkeypatch,
        JMAP_TOKEN="s3cret\u00e9",
        JMAP_PASSWORD="s3cret",
        POLL_INTERVAL="0",
        HEALTH_PORT="http",
        LOG_LEVLE="debug",
        CARDDAV_PASSWORD="s3cret",
    )
    found = problems()
    assert [problem.split()[0] for problem in found] == [
        "MAILROOM_LOG_LEVLE",
        "MAILROOM_HEALTH_PORT",
        "MAILROOM_JMAP_TOKEN",
        "MAILROOM_POLL_INTERVAL",
        "MAILROOM_JMAP_TOKEN",
        "MAILROOM_CARDDAV_USERNAME",
    ]
    assert "s3cret" not in "\n".join(found)


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch, JMAP_TOKEN=TOKEN, HEARTBEAT_URL=f"https://kuma.example/api/push/{TOKEN}")
    read = read_environment()
    assert TOKEN not in repr(read) + str(read) + account(read).settings.model_dump_json()


def test_files_that_can_not_be_read(secrets_folder: Path) -> None:
    (secrets_folder / "mailroom_jmap_token").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="it is not UTF-8 text"):
        read_environment(secrets_folder=secrets_folder)
    Path(".env").write_bytes(b"MAILROOM_JMAP_TOKEN=\xff\n")
    with pytest.raises(ConfigError, match="it is not UTF-8 text"):
        read_environment()


# --- secrets in files


@pytest.mark.parametrize("place", ["the environment", ".env"])
def test_a_secret_may_be_in_a_file_that_a_variable_names(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    Path("token").write_text(f"{TOKEN}\n")
    if place == ".env":
        Path(".env").write_text("MAILROOM_JMAP_TOKEN_FILE=token\n")
    else:
        set_variables(monkeypatch, JMAP_TOKEN_FILE="token")
    assert token_of(read_environment()) == TOKEN


def test_the_first_place_counts_whichever_way_it_has_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch, JMAP_TOKEN=TOKEN)
    Path(".env").write_text("MAILROOM_JMAP_TOKEN_FILE=missing\n")
    assert token_of(read_environment()) == TOKEN


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"JMAP_TOKEN_FILE": "s3cret"}, "MAILROOM_JMAP_TOKEN_FILE names a file that can't be read: No such file"),
        (
            {"JMAP_TOKEN": "s3cret", "JMAP_TOKEN_FILE": "token"},
            "MAILROOM_JMAP_TOKEN and MAILROOM_JMAP_TOKEN_FILE are both set; unset the one that is not meant",
        ),
        ({"JMAP_USERNAME_FILE": "token"}, "MAILROOM_JMAP_USERNAME_FILE (in the environment) is not a setting; did you"),
    ],
)
def test_what_is_wrong_with_a_file_of_a_secret_is_told(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], said: str
) -> None:
    Path("token").write_text(TOKEN)
    set_variables(monkeypatch, **values)
    found = problems()
    assert found[0].startswith(said)
    assert "s3cret" not in "".join(found)


# --- a folder of accounts


def test_with_a_folder_there_is_no_account_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch, ACCOUNTS="~/accounts", LOG_LEVEL="debug")
    monkeypatch.setenv("HOME", "/home/ann")
    process = ProcessSettings(accounts=Path("/home/ann/accounts"), log_level="debug")
    assert read_environment() == Environment(process, None)


def test_settings_of_an_account_beside_a_folder_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch, ACCOUNTS="accounts", JMAP_TOKEN=TOKEN, CONFIG="mine.toml")
    assert problems() == tuple(
        f"MAILROOM_{name} is for a single account: with MAILROOM_ACCOUNTS, each has a file (docs/accounts.md)"
        for name in ("CONFIG", "JMAP_TOKEN")
    )
