"""Which account a command is about: the one that there is, or the one that `--account` names."""

from mailroom.config.account_files import Reading, read_folder
from mailroom.config.account_settings import AccountConfig
from mailroom.config.environment import Environment
from mailroom.errors import ConfigError
from mailroom.suggest import did_you_mean

_NAMES_SHOWN = 20


def account_named(name: str | None, environment: Environment) -> AccountConfig:
    """The account of this name; without one, the only one that there is. Raises `ConfigError`.

    One that isn't served is found as well.
    """
    if environment.account is not None:
        if name is not None:
            key = environment.process.key("accounts")
            raise ConfigError([f"--account is for a folder of accounts; there is none: {key} is not set"])
        return environment.account
    reading = read_folder(environment.folder)
    if name is None:
        if len(reading.names) > 1:
            raise ConfigError([f"there are several accounts; say which with --account: {_shown(reading)}"])
        [name] = reading.names
    if name not in reading.names:
        meant = did_you_mean(name, reading.names)
        raise ConfigError([f"there is no account {name!r}{meant} (there are: {_shown(reading)})"])
    return reading.account(name)


def _shown(reading: Reading) -> str:
    names = ", ".join(reading.names[:_NAMES_SHOWN])
    more = len(reading.names) - _NAMES_SHOWN
    return f"{names} and {more} more (`mailroom accounts` lists them)" if more > 0 else names
