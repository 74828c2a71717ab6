"""One file of a folder of accounts: `NAME.toml`, an account, or `defaults.toml`, what all of them share."""

import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mailroom.config.account_settings import FILE_ENDING, SECRETS, AccountConfig, AccountSettings
from mailroom.config.checked import Checked
from mailroom.config.keys import FileKeys, Keys
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.scheme import Scheme
from mailroom.config.scheme_file import build_scheme
from mailroom.config.scheme_tables import SCHEME_KEYS
from mailroom.config.secret_files import read_secret
from mailroom.errors import ConfigError
from mailroom.suggest import did_you_mean

ENABLED = "enabled"

_SETTINGS = frozenset(AccountSettings.model_fields)
_SECRET_FILES = frozenset(secret + FILE_ENDING for secret in SECRETS)


@dataclass(frozen=True, slots=True)
class Given:
    """What one file says: settings, with what the files hold that it names, and the keys of the scheme.

    `secret_files` are the paths of those files, also where they can't be read; `problems` is what is wrong so far.
    """

    keys: Keys
    settings: Mapping[str, object]
    scheme: Mapping[str, object]
    is_enabled: bool
    secret_files: frozenset[Path]
    problems: tuple[str, ...]


NO_DEFAULTS = Given(FileKeys("defaults.toml"), {}, {}, True, frozenset(), ())


class _EachByItself(AccountSettings):
    """Settings of which more is elsewhere, or unreadable: a login may be missing, or half of it."""

    @classmethod
    def problems_between(cls, given: Mapping[str, object], keys: Keys) -> Iterator[str]:
        yield from ()


def check_defaults(defaults: Given) -> None:
    """Raises `ConfigError` with every problem of `defaults.toml`, which would be one of each account otherwise."""
    problems = list(defaults.problems)
    if "page_proxy_users" in defaults.settings:
        problems.append(defaults.keys.problem("page_proxy_users is for one account: write it into that one's file"))
    _settings(_EachByItself, defaults.settings, defaults.keys, problems)
    _scheme(defaults.scheme, defaults.keys, problems)
    if problems:
        raise ConfigError(problems)


def account_of(name: str, path: Path, given: Given, defaults: Given) -> AccountConfig:
    """The account that a file and the defaults describe. Raises `ConfigError` with every problem."""
    problems = list(given.problems)
    # What is missing because it could not be read has been told.
    kind = _EachByItself if problems else AccountSettings
    settings = _settings(kind, {**defaults.settings, **given.settings}, given.keys, problems)
    scheme = _scheme(_over(defaults.scheme, given.scheme), given.keys, problems)
    if settings is None or scheme is None or problems:
        raise ConfigError(problems)
    return AccountConfig(name, settings, scheme, path, given.is_enabled)


def read_file(path: Path) -> Given:
    """What a file says, each value as it is. Raises nothing: what is wrong is a problem of it."""
    keys = FileKeys(path.name)
    try:
        raw, is_exposed = _read_toml(path)
    except ValueError as wrong:
        return Given(keys, {}, {}, True, frozenset(), (keys.problem(str(wrong)),))
    problems = [*_unknown(raw)]
    named = {key.removesuffix(FILE_ENDING): value for key, value in raw.items() if key in _SECRET_FILES}
    secrets, secret_files = _secrets(path.parent, named, problems)
    settings = {key: value for key, value in raw.items() if key in _SETTINGS}
    for secret in sorted(settings.keys() & set(SECRETS)):
        if secret in named:
            problems.append(f"{secret} and {secret}{FILE_ENDING} are both set; remove the one that is not meant")
        if is_exposed:
            problems.append(f"{secret} can be read by everybody: chmod o-r {path.name}, or use {secret}{FILE_ENDING}")
    enabled = raw.get(ENABLED, True)
    if not isinstance(enabled, bool):
        problems.append(f"{ENABLED} must be true or false")
    scheme = {key: value for key, value in raw.items() if key in SCHEME_KEYS}
    return Given(
        keys, {**settings, **secrets}, scheme, enabled is True, secret_files, tuple(map(keys.problem, problems))
    )


def _read_toml(path: Path) -> tuple[dict[str, object], bool]:
    """The content, and whether everybody on this machine can read it. Raises `ValueError` with what is wrong.

    What the parser says is left out: it quotes what it stumbles over.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            folder_mode = path.resolve().parent.stat().st_mode
            text = file.read().decode("utf-8-sig")
    except OSError as unreadable:
        raise ValueError(f"it can't be read: {unreadable.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as malformed:
        where = re.search(r"\((at .*)\)$", str(malformed))
        raise ValueError(f"it is not TOML{f' ({where[1]})' if where else ''}") from None
    except RecursionError:
        raise ValueError("it nests lists or tables too deep") from None
    except ValueError:  # tomllib passes on what int() says of more than 4,300 digits
        raise ValueError("it holds a number that is too long") from None
    return raw, bool(mode & stat.S_IROTH and folder_mode & stat.S_IXOTH)


def _secrets(folder: Path, named: Mapping[str, object], problems: list[str]) -> tuple[dict[str, str], frozenset[Path]]:
    """By setting, what the files hold that are named; and their paths."""
    held: dict[str, str] = {}
    paths: set[Path] = set()
    for secret, name in named.items():
        key = secret + FILE_ENDING
        if not isinstance(name, str) or not name or "\0" in name:
            problems.append(f"{key} must be the path of a file, from the folder of the accounts on")
            continue
        path = folder / name
        paths.add(path)
        try:
            held[secret] = read_secret(path)
        except ValueError as wrong:
            problems.append(f"{key} {wrong}")
    return held, frozenset(paths)


def _unknown(raw: Mapping[str, object]) -> Iterator[str]:
    known = _SETTINGS | _SECRET_FILES | SCHEME_KEYS | {ENABLED}
    for key in raw:
        if key in ProcessSettings.model_fields:
            yield f"{key} is not an account's: set {ProcessSettings().key(key)} for the process"
        elif key not in known:
            shown = key if key.isprintable() and key else repr(key)
            yield f"{shown} is not a key here{did_you_mean(key, known)}"


def _over(defaults: Mapping[str, object], given: Mapping[str, object]) -> dict[str, object]:
    """The scheme's keys of an account over those of all: of a table each key by itself, a list as a whole."""
    merged = {**defaults, **given}
    for key, value in given.items():
        shared = defaults.get(key)
        if isinstance(value, dict) and isinstance(shared, dict):
            merged[key] = {**shared, **value}
    return merged


Kind = TypeVar("Kind", bound=Checked)


def _settings(kind: type[Kind], values: Mapping[str, object], keys: Keys, problems: list[str]) -> Kind | None:
    try:
        return kind.model_validate(dict(values), strict=True, context=keys)
    except ConfigError as invalid:
        problems += invalid.problems
        return None


def _scheme(raw: Mapping[str, object], keys: Keys, problems: list[str]) -> Scheme | None:
    try:
        return build_scheme(raw)
    except ConfigError as invalid:
        problems += map(keys.problem, invalid.problems)
        return None
