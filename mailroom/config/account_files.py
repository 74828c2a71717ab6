"""The folder of accounts that `MAILROOM_ACCOUNTS` names: reading it, and seeing that it has changed."""

import os
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mailroom.config.account_file import NO_DEFAULTS, Given, account_of, check_defaults, read_file
from mailroom.config.account_settings import AccountConfig, AccountSettings
from mailroom.config.keys import VARIABLES
from mailroom.config.shard import Shard
from mailroom.errors import ConfigError
from mailroom.urls import url_of

DEFAULTS = "defaults"
_ENDING = ".toml"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
"""A part of urls, a label of metrics, and a word in a shell."""

Stamp = tuple[int, int, int] | None
"""Time of the last change in ns, size and inode of what a path leads to; None where there is nothing."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a folder says: its accounts by name, and of those that can't be taken, what is wrong, file by file.

    `secret_files` are all that the files name.
    """

    accounts: Mapping[str, AccountConfig]
    mistakes: Mapping[str, tuple[str, ...]]
    secret_files: frozenset[Path]

    @property
    def names(self) -> list[str]:
        """Of all accounts, in their order."""
        return sorted({*self.accounts, *self.mistakes})

    def of(self, shard: Shard | None) -> "Reading":
        """Of these accounts those of a shard; all of them without one."""
        if shard is None:
            return self
        return replace(
            self,
            accounts={name: each for name, each in self.accounts.items() if shard.holds(name)},
            mistakes={name: each for name, each in self.mistakes.items() if shard.holds(name)},
        )

    def account(self, name: str) -> AccountConfig:
        """The account of one of the names. Raises `ConfigError` with what is wrong with its file."""
        if name in self.mistakes:
            raise ConfigError(self.mistakes[name])
        return self.accounts[name]


class AccountFiles:
    """A folder of accounts, or the shard of it that is served here.

    Both methods wait for a disk; `look` knows the secrets that the last `read` found.
    """

    def __init__(self, folder: Path, shard: Shard | None = None) -> None:
        self._folder = folder
        self._shard = shard
        self._secret_files: frozenset[Path] = frozenset()

    def look(self) -> Hashable:
        """Something that is another once a file has changed. Raises `ConfigError` as `read` does."""
        return look(self._folder, self._secret_files)

    def read(self) -> Reading:
        """What the folder says. Raises `ConfigError` where it says nothing: see `read_folder`."""
        reading = read_folder(self._folder)
        self._secret_files = reading.secret_files
        return reading.of(self._shard)


def look(folder: Path, secret_files: frozenset[Path]) -> frozenset[tuple[Path, Stamp]]:
    """The files of a folder and these secrets, as they are now. Raises `ConfigError` as `read_folder` does."""
    return frozenset((path, _stamp(path)) for path in (*_toml_files(folder), *secret_files))


def read_folder(folder: Path) -> Reading:
    """All accounts of a folder, checked, by name.

    Raises `ConfigError` for a folder without an account, which may be one that isn't mounted and is no order to stop
    all; and for mistakes in `defaults.toml`.
    """
    files = {path.name.removesuffix(_ENDING): read_file(path) for path in _toml_files(folder)}
    defaults = files.pop(DEFAULTS, NO_DEFAULTS)
    check_defaults(defaults)
    if not files:
        raise ConfigError([f"{_key()}: {folder} holds no account but {DEFAULTS}{_ENDING}; {_HOW_TO_BEGIN}"])
    accounts: dict[str, AccountConfig] = {}
    mistakes: dict[str, tuple[str, ...]] = {}
    had_by: dict[Hashable, str] = {}
    for name, given in files.items():
        try:
            account = _account(folder, name, given, defaults)
            if account.enabled:
                _take_what_one_has(account.settings, f"{name}{_ENDING}", given, had_by)
            accounts[name] = account
        except ConfigError as invalid:
            mistakes[name] = invalid.problems
    secret_files = defaults.secret_files.union(*(given.secret_files for given in files.values()))
    return Reading(accounts, mistakes, secret_files)


_HOW_TO_BEGIN = f"put a file such as anna{_ENDING} there (docs/accounts.md)"


def _key() -> str:
    return VARIABLES.bare("accounts")


def _account(folder: Path, name: str, given: Given, defaults: Given) -> AccountConfig:
    """Raises `ConfigError`."""
    if not _NAME.fullmatch(name):
        what = "small letters, digits, dots, _ and -, 63 of them at the most, and begins with a letter or digit"
        raise ConfigError([given.keys.problem(f"an account's name is made of {what}: rename the file")])
    return account_of(name, folder / f"{name}{_ENDING}", given, defaults)


def _toml_files(folder: Path) -> list[Path]:
    """By name; editors leave hidden files. Raises `ConfigError`."""
    try:
        names = sorted(os.listdir(folder))
    except OSError as unreadable:
        raise ConfigError([f"{_key()}: {folder} can't be read: {unreadable.strerror}"]) from None
    paths = [folder / name for name in names if name.endswith(_ENDING) and not name.startswith(".")]
    if not paths:
        raise ConfigError([f"{_key()}: {folder} holds no account; {_HOW_TO_BEGIN}, or mount it"])
    return paths


def _stamp(path: Path) -> Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _take_what_one_has(settings: AccountSettings, file: str, given: Given, had_by: dict[Hashable, str]) -> None:
    """Note that this file has it. Raises `ConfigError`, and notes nothing, where a file before it has."""
    login, users = _login(settings), [("user", user) for user in settings.page_proxy_users]
    problems: list[str] = []
    if login in had_by:
        problems.append(f"it is the same account as {had_by[login]}: the same jmap_session_url and login")
    for first in sorted({had_by[user] for user in users if user in had_by}):
        problems.append(f"page_proxy_users has a name that {first} has, too: a name is the owner of one account")
    if problems:
        raise ConfigError([given.keys.problem(each) for each in problems])
    had_by.update(dict.fromkeys((login, *users), file))


def _login(settings: AccountSettings) -> Hashable:
    """What two files for one account have in common."""
    token = settings.jmap_token
    who = settings.jmap_username if token is None else token.get_secret_value()
    return url_of(settings.jmap_session_url), token is None, who
