"""What most commands begin with: the settings, read and checked."""

from collections.abc import Callable
from functools import update_wrapper, wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec

if TYPE_CHECKING:
    from mailroom.config.account_settings import AccountConfig, AccountSettings
    from mailroom.config.process_settings import ProcessSettings
    from mailroom.config.scheme import Scheme

P = ParamSpec("P")


def with_account(command: Callable[Concatenate["ProcessSettings", "AccountConfig", P], int]) -> Callable[P, int]:
    """Hand a command the process's settings and its account, read when it runs; logs go to standard error.

    A mistake in them is a `ConfigError`. What is wrong with the command line itself is told before.
    """

    @wraps(command)
    def with_both(*args: P.args, **kwargs: P.kwargs) -> int:
        from mailroom.commands.terminal import log_to_stderr
        from mailroom.config.environment import read_environment

        environment = read_environment()
        log_to_stderr(environment.process.log_level, environment.process.log_format)
        return command(environment.process, environment.account, *args, **kwargs)

    return with_both


def with_settings(command: Callable[Concatenate["AccountSettings", "Scheme", P], int]) -> Callable[P, int]:
    """Hand a command the account's settings and its scheme, and nothing of the process: see `with_account`."""

    def of_account(process: "ProcessSettings", account: "AccountConfig", /, *args: P.args, **kwargs: P.kwargs) -> int:
        return command(account.settings, account.scheme, *args, **kwargs)

    # click reads the help and the options of what it decorates.
    update_wrapper(of_account, command)
    return with_account(of_account)
