"""What comes from outside without a folder of accounts: `MAILROOM_…` variables, `.env` in the current folder, and files
in `/run/secrets`, in this order."""

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, TypeVar

from dotenv import dotenv_values
from pydantic import Field
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, SettingsConfigDict

from mailroom.config.account_settings import FILE_ENDING, SECRETS, AccountConfig, AccountSettings
from mailroom.config.checked import Checked, is_empty
from mailroom.config.keys import VARIABLES
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.config.scheme_file import read_scheme
from mailroom.config.screening import Mode
from mailroom.config.secret_files import read_secret
from mailroom.config.setting_types import HomeExpanded, LowerCase
from mailroom.config.variables import DOTENV, PREFIX, SECRETS_FOLDER, is_service_link
from mailroom.errors import ConfigError
from mailroom.suggest import did_you_mean

_LONGEST_ENDING = 2  # a plural, say


class SchemeSettings(Checked):
    """Where the scheme is; an account's file holds it itself."""

    screening: Annotated[Mode, LowerCase] | None = Field(default=None, description="off, watch or on")
    config: Annotated[Path, HomeExpanded] | None = Field(default=None, description="the path of a file")


SETTINGS = {**ProcessSettings.model_fields, **AccountSettings.model_fields, **SchemeSettings.model_fields}
"""Every setting that has a variable."""

_SECRETS = (*SECRETS, "page_proxy_secret")


@dataclass(frozen=True, slots=True)
class Environment:
    """What the environment says, checked: about the process, and about its account if it has one without a folder."""

    process: ProcessSettings
    account: AccountConfig | None

    @property
    def folder(self) -> Path:
        """The folder of the process's accounts. Raises `ConfigError` where it has none."""
        if self.process.accounts is None:
            key = self.process.key("accounts")
            raise ConfigError([f"there is no folder of accounts: {key} is not set (docs/accounts.md)"])
        return self.process.accounts


class _Variables(BaseSettings):
    """Names the places; their values are checked together afterwards, so that all problems are told at once."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=DOTENV)


class _LiteralDotenv(DotEnvSettingsSource):
    """`.env` as it stands. python-dotenv expands `${…}`, even between single quotes, and changes a password unseen."""

    def _read_env_file(self, file_path: Path) -> Mapping[str, str | None]:
        # Some editors begin a file with a byte order mark.
        return dotenv_values(file_path, encoding="utf-8-sig", interpolate=False)


@dataclass(frozen=True, slots=True)
class _Place:
    """A place where settings are looked for, and what is there, by name in capitals."""

    name: str
    found: Mapping[str, str | None]

    def value(self, field: str) -> str | None:
        """Of a setting; None where it isn't set, or empty."""
        value = self.found.get(VARIABLES.bare(field))
        return None if is_empty(value) else value


def read_environment(*, secrets_folder: Path = Path(SECRETS_FOLDER)) -> Environment:
    """The settings of this process and its account. Raises `ConfigError` with every problem, each by its variable.

    The account is None where the process has a folder of accounts.
    """
    try:
        places = tuple(_places(secrets_folder))
    except OSError as unreadable:
        reason = f"{unreadable.filename}: {unreadable.strerror}"
        raise ConfigError([f"{DOTENV} or a file in {secrets_folder} can't be read: {reason}"]) from None
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text"
        raise ConfigError([f"{DOTENV} or a file in {secrets_folder} can't be read: {reason}"]) from None
    problems = list(_unknown_names(places))
    values = _values(places, problems)
    process = _checked(ProcessSettings, values, problems)
    if "accounts" in values:
        problems += _account_beside_a_folder(values)
        if process is None or problems:
            raise ConfigError(problems)
        return Environment(process, None)
    settings = _checked(AccountSettings, values, problems)
    scheme = _checked(SchemeSettings, values, problems)
    problems += _owner_problems(values)
    if process is None or settings is None or scheme is None or problems:
        raise ConfigError(problems)
    return Environment(process, AccountConfig(None, settings, _scheme(scheme), scheme.config))


def _owner_problems(given: Container[str]) -> Iterator[str]:
    """A proxy that may name everybody, or nobody, as the owner of the page."""
    header, users = VARIABLES.bare("page_proxy_header"), VARIABLES.bare("page_proxy_users")
    if "page_proxy_header" in given and "page_proxy_users" not in given:
        yield (f"{users} is missing: name who is the owner, as the proxy writes it; everybody whom it lets in would be")
    if "page_proxy_users" in given and "page_proxy_header" not in given:
        yield f"{header} is missing; {users} is useless without it"


def _places(secrets_folder: Path) -> Iterator[_Place]:
    """Raises `OSError` and `UnicodeDecodeError`."""
    variables = _in_capitals(EnvSettingsSource(_Variables).env_vars)
    yield _Place("the environment", {name: text for name, text in variables.items() if not is_service_link(name, text)})
    yield _Place(DOTENV, _in_capitals(_LiteralDotenv(_Variables).env_vars))
    files = sorted(secrets_folder.iterdir()) if secrets_folder.is_dir() else ()
    ours = [file for file in files if file.name.upper().startswith(PREFIX) and file.is_file()]
    yield _Place(str(secrets_folder), {file.name.upper(): file.read_text(encoding="utf-8").strip() for file in ours})


def _in_capitals(found: Mapping[str, str | None]) -> dict[str, str | None]:
    return {name.upper(): value for name, value in found.items()}


def _values(places: Sequence[_Place], problems: list[str]) -> dict[str, str]:
    """By setting, the value of the first place that has one; of secrets also from the file that is named there."""
    values: dict[str, str] = {}
    for field in SETTINGS:
        for place in places:
            value = place.value(field)
            file = place.value(field + FILE_ENDING) if field in _SECRETS else None
            if value is not None and file is not None:
                both = f"{VARIABLES.bare(field)} and {VARIABLES.bare(field + FILE_ENDING)}"
                problems.append(f"{both} are both set; unset the one that is not meant")
            if file is not None:
                value = _secret(field, file.strip(), problems)
            if value is not None:
                values[field] = value
                break
    return values


def _secret(field: str, file: str, problems: list[str]) -> str | None:
    try:
        return read_secret(Path(file).expanduser())
    except (ValueError, RuntimeError) as wrong:  # RuntimeError where ~ is nobody's
        problems.append(f"{VARIABLES.bare(field + FILE_ENDING)} {wrong}")
        return None


def _account_beside_a_folder(values: Iterable[str]) -> Iterator[str]:
    """A folder's accounts have nothing from the environment: what is there would be ignored in silence."""
    for field in sorted(set(values) - set(ProcessSettings.model_fields)):
        where = VARIABLES.bare("accounts")
        yield f"{VARIABLES.bare(field)} is for a single account: with {where}, each has a file (docs/accounts.md)"


Kind = TypeVar("Kind", bound=Checked)


def _checked(kind: type[Kind], values: Mapping[str, str], problems: list[str]) -> Kind | None:
    """The settings of this kind; None, and what is wrong added to `problems`, where they can't be taken."""
    try:
        return kind.model_validate({field: values[field] for field in kind.model_fields if field in values})
    except ConfigError as invalid:
        problems += invalid.problems
        return None


def _scheme(settings: SchemeSettings) -> Scheme:
    """What the file says, or the usual; `screening` wins. Raises `ConfigError` with every problem."""
    scheme = DEFAULT_SCHEME if settings.config is None else read_scheme(settings.config)
    if settings.screening is None:
        return scheme
    return replace(scheme, screening=replace(scheme.screening, mode=settings.screening))


def _unknown_names(places: Iterable[_Place]) -> Iterator[str]:
    """A misspelt variable would be ignored in silence otherwise, and the default take its place."""
    known = {field.upper() for field in (*SETTINGS, *(secret + FILE_ENDING for secret in _SECRETS))}
    for place in places:
        for name in sorted(place.found):
            rest = name.removeprefix(PREFIX)
            if name.startswith(PREFIX) and rest not in known:
                yield _unknown_name(rest, place.found[name], place.name, known)


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
    if head.removesuffix(FILE_ENDING.upper()) in known:
        return head
    begun = max((field for field in known if head.startswith(field)), key=len, default=head)
    return begun if len(head) > len(begun) + _LONGEST_ENDING else head
