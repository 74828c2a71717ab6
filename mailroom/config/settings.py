"""Settings: `MAILROOM_…` variables, `.env` in the current folder, and files in `/run/secrets`, in this order."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from dotenv import dotenv_values
from pydantic import (
    Field,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.config.scheme_file import read_scheme
from mailroom.config.screening import Mode
from mailroom.config.setting_types import Code, HomeExpanded, Host, LowerCase, Password, SecretUrl, Token, Url, Username
from mailroom.errors import ConfigError
from mailroom.suggest import did_you_mean
from mailroom.urls import MAX_PORT

PREFIX = "MAILROOM_"
_LONGEST_ENDING = 2  # a plural, say
SECRETS_FOLDER = Path("/run/secrets")
DOTENV = ".env"

HOW_TO_LOG_IN = (
    f"{PREFIX}JMAP_TOKEN is missing. On Fastmail, make an API token with access to mail and contacts at "
    "Settings → Privacy & Security → Manage API tokens. Then set the variable, "
    f"or write {PREFIX}JMAP_TOKEN=… into the file {DOTENV} here, or put the token into the file "
    f"{SECRETS_FOLDER}/mailroom_jmap_token. A server without tokens takes {PREFIX}JMAP_USERNAME and "
    f"{PREFIX}JMAP_PASSWORD instead."
)


class _LiteralDotenv(DotEnvSettingsSource):
    """`.env` as it stands. python-dotenv expands `${…}`, even between single quotes, and changes a password unseen."""

    def _read_env_file(self, file_path: Path) -> Mapping[str, str | None]:
        values = dotenv_values(file_path, encoding=self.env_file_encoding, interpolate=False)
        return {name.lower(): value for name, value in values.items() if value != ""}


class Settings(BaseSettings):
    """Everything that comes from outside, checked. Raises `ConfigError` with every problem, never with a value.

    A field's description says what it must be; it completes the sentence "MAILROOM_X must be …".
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=DOTENV,
        env_file_encoding="utf-8-sig",  # some editors begin a file with a byte order mark
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    jmap_token: Token | None = Field(default=None, description="an API token")
    jmap_username: Username | None = Field(default=None, description="a user name")
    jmap_password: Password | None = Field(default=None, description="a password")
    jmap_session_url: Url = Field(default="https://api.fastmail.com/jmap/session", description="a url")
    contacts: Annotated[Literal["auto", "jmap", "carddav"], LowerCase] = Field(
        default="auto", description="auto, jmap or carddav"
    )
    carddav_url: Url | None = Field(default=None, description="a url")
    carddav_username: Username | None = Field(default=None, description="a user name")
    carddav_password: Password | None = Field(default=None, description="a password")
    poll_interval: float = Field(
        default=60.0, ge=1, le=86_400, allow_inf_nan=False, description="a number of seconds from 1 to 86400"
    )
    debounce_seconds: float = Field(
        default=3.0, ge=0, le=60, allow_inf_nan=False, description="a number of seconds from 0 to 60"
    )
    health_host: Host = Field(default="127.0.0.1", description="an address or host name")
    health_port: int = Field(default=8080, ge=1, le=MAX_PORT, description="a whole number from 1 to 65535")
    heartbeat_url: SecretUrl | None = Field(default=None, description="a url")
    log_level: Annotated[Literal["debug", "info", "warning", "error", "critical"], LowerCase] = Field(
        default="info", description="debug, info, warning, error or critical"
    )
    log_format: Annotated[Literal["auto", "json", "console"], LowerCase] = Field(
        default="auto", description="auto, json or console"
    )
    max_consecutive_failures: int = Field(default=10, ge=0, description="a whole number, 0 or more (0 = never give up)")
    screening: Annotated[Mode, LowerCase] | None = Field(default=None, description="off, watch or on")
    subject_code: Code | None = Field(default=None, description="a word")
    config: Annotated[Path, HomeExpanded] | None = Field(default=None, description="the path of a file")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """As usual, but for how `.env` is read."""
        return init_settings, env_settings, _LiteralDotenv(settings_cls), file_secret_settings

    @model_validator(mode="wrap")
    @classmethod
    def _all_problems_at_once(cls, values: Any, check: ModelWrapValidatorHandler[Self]) -> Self:
        given = {field: _trimmed(field, value) for field, value in values.items() if not _empty(value)}
        login = list(_login_problems(given.keys()))
        try:
            settings = check(given)
        except ValidationError as invalid:
            raise ConfigError([*_field_problems(cls, invalid), *login]) from None
        if login:
            raise ConfigError(login)
        return settings


def load_settings(*, secrets_folder: Path = SECRETS_FOLDER) -> Settings:
    """The settings of this process. Raises `ConfigError` with every problem, each named by its variable."""
    try:
        unknown = list(_unknown_names(secrets_folder))
        # pydantic-settings warns about a folder that doesn't exist.
        folder = secrets_folder if secrets_folder.is_dir() else None
        settings = Settings(_secrets_dir=folder)  # type: ignore[call-arg]  # mypy knows the fields only
    except (OSError, UnicodeDecodeError, SettingsError) as unreadable:
        raise ConfigError([f"{DOTENV} or a file in {secrets_folder} can't be read: {_reason(unreadable)}"]) from None
    except ConfigError as invalid:
        raise ConfigError([*unknown, *invalid.problems]) from None
    if unknown:
        raise ConfigError(unknown)
    return settings


def load_scheme(settings: Settings) -> Scheme:
    """What `settings.config` says, or the usual; `settings.screening` wins. Raises `ConfigError` with every problem."""
    scheme = DEFAULT_SCHEME if settings.config is None else read_scheme(settings.config)
    if settings.screening is None:
        return scheme
    return replace(scheme, screening=replace(scheme.screening, mode=settings.screening))


def _variable(field: str) -> str:
    return PREFIX + field.upper()


def _empty(value: object) -> bool:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return value is None or (isinstance(value, str) and not value.strip())


def _trimmed(field: str, value: object) -> object:
    """Without the white space around it that files and copying leave; in a password it may be meant."""
    return value.strip() if isinstance(value, str) and not field.endswith("_password") else value


def _field_problems(cls: type[Settings], invalid: ValidationError) -> Iterator[str]:
    for error in invalid.errors(include_input=False, include_url=False):
        field = str(error["loc"][0])
        if error["type"] == "value_error":
            # One of the validators above: its text goes on after the variable's name.
            yield f"{_variable(field)} {error['ctx']['error']}"
        else:
            yield f"{_variable(field)} must be {cls.model_fields[field].description}"


def _login_problems(given: Iterable[str]) -> Iterator[str]:
    given = set(given)
    if "jmap_token" in given and {"jmap_username", "jmap_password"} & given:
        yield (
            f"{PREFIX}JMAP_TOKEN and {PREFIX}JMAP_USERNAME or {PREFIX}JMAP_PASSWORD are both set; "
            "unset the one that is not meant"
        )
    elif not {"jmap_token", "jmap_username", "jmap_password"} & given:
        yield HOW_TO_LOG_IN
    else:
        yield from _half_a_pair(given, "jmap_username", "jmap_password")
    yield from _half_a_pair(given, "carddav_username", "carddav_password")


def _half_a_pair(given: set[str], one: str, other: str) -> Iterator[str]:
    for present, absent in ((one, other), (other, one)):
        if present in given and absent not in given:
            yield f"{_variable(absent)} is missing; {_variable(present)} is useless without it"


def _unknown_names(secrets_folder: Path) -> Iterator[str]:
    """A misspelt variable would be ignored in silence otherwise, and the default take its place."""
    known = {field.upper() for field in Settings.model_fields}
    places: Mapping[str, Callable[[], Mapping[str, str | None]]] = {
        "the environment": lambda: EnvSettingsSource(Settings).env_vars,
        DOTENV: lambda: _LiteralDotenv(Settings).env_vars,
        str(secrets_folder): lambda: dict.fromkeys(os.listdir(secrets_folder) if secrets_folder.is_dir() else (), ""),
    }
    for place, variables in places.items():
        found = {name.upper(): value for name, value in variables().items()}
        for name in sorted(found):
            rest = name.removeprefix(PREFIX)
            if name.startswith(PREFIX) and rest not in known and not _by_a_cluster(rest, found[name]):
                yield _unknown_name(rest, found[name], place, known)


def _by_a_cluster(rest: str, value: str | None) -> bool:
    """Whether Kubernetes sets this in every pod beside a Service called mailroom: `SERVICE_HOST`, `PORT_8080_TCP` …

    `PORT` alone may as well be a slip for `HEALTH_PORT`; a cluster's holds a url.
    """
    if rest == "PORT":
        return value is not None and "://" in value
    return bool(re.fullmatch(r"SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?", rest))


def _unknown_name(rest: str, value: str | None, place: str, known: set[str]) -> str:
    word = _without_value(rest, known)
    is_name = word == rest and value is not None
    if not is_name and word in known:
        return f"{PREFIX}{word} (in {place}) has no = after it; write {PREFIX}{word}=…"
    meant = did_you_mean(word, known, prefix=PREFIX)
    if not is_name:  # it may be a value, in part or all of it
        return f"what begins with {PREFIX} (in {place}) is not a setting's name with = after it{meant}"
    return f"{PREFIX}{rest} (in {place}) is not a setting{meant}"


def _without_value(name: str, known: Iterable[str]) -> str:
    """Of `JMAP_TOKEN:s3cret` and `JMAP_TOKENs3cret`, which are slips for `JMAP_TOKEN=s3cret`, no more than the name."""
    word = re.match("[A-Z0-9_]*", name)
    head = word[0] if word else ""
    begun = max((field for field in known if head.startswith(field)), key=len, default=head)
    return begun if len(head) > len(begun) + _LONGEST_ENDING else head


def _reason(error: BaseException) -> str:
    if isinstance(error, SettingsError) and error.__cause__ is not None:
        # What pydantic-settings says itself names classes, not files.
        return _reason(error.__cause__)
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}"
    return "it is not UTF-8 text"
