"""What most commands begin with: the settings, read and checked, of the account that they are about."""

from collections.abc import Callable
from functools import update_wrapper, wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import click

if TYPE_CHECKING:
    from mailroom.config.account_settings import AccountConfig, AccountSettings
    from mailroom.config.environment import Environment
    from mailroom.config.process_settings import ProcessSettings
    from mailroom.config.scheme import Scheme

P = ParamSpec("P")
F = TypeVar("F", bound=Callable[..., object])

_ACCOUNT = f"{__name__}.account"


def account_option(command: F) -> F:
    """Let a command take `--account NAME`; `with_account` finds it, also in a function that the command calls."""
    option = click.option(
        "--account",
        metavar="NAME",
        expose_value=False,
        callback=_remember,
        help="Which account, where there is a folder of them.",
    )
    return option(command)


def _remember(context: click.Context, parameter: click.Parameter, name: str | None) -> None:
    context.meta[_ACCOUNT] = name


def account_asked_for() -> str | None:
    """What `--account` says, None without it."""
    name: str | None = click.get_current_context().meta.get(_ACCOUNT)
    return name


def with_account(command: Callable[Concatenate["ProcessSettings", "AccountConfig", P], int]) -> Callable[P, int]:
    """Hand a command the process's settings and its account, read when it runs; logs go to standard error.

    A mistake in them is a `ConfigError`. What is wrong with the command line itself is told before.
    """

    @wraps(command)
    def with_both(*args: P.args, **kwargs: P.kwargs) -> int:
        from mailroom.commands.which_account import account_named

        environment = read_settings()
        account = account_named(account_asked_for(), environment)
        return command(environment.process, account, *args, **kwargs)

    return account_option(with_both)


def with_settings(command: Callable[Concatenate["AccountSettings", "Scheme", P], int]) -> Callable[P, int]:
    """Hand a command the account's settings and its scheme, and nothing of the process: see `with_account`."""

    def of_account(process: "ProcessSettings", account: "AccountConfig", /, *args: P.args, **kwargs: P.kwargs) -> int:
        return command(account.settings, account.scheme, *args, **kwargs)

    # click reads the help and the options of what it decorates.
    update_wrapper(of_account, command)
    return with_account(of_account)


def read_settings() -> "Environment":
    """What the environment says; logs go to standard error from now on. Raises `ConfigError`."""
    from mailroom.commands.terminal import log_to_stderr
    from mailroom.config.environment import read_environment

    environment = read_environment()
    log_to_stderr(environment.process.log_level, environment.process.log_format)
    return environment
