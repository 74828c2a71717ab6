"""Commands that are about all accounts of a folder, unless `--account` names one."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate

import click

from mailroom.cli.ending import report
from mailroom.cli.with_settings import P, account_asked_for, account_option, read_settings
from mailroom.errors import MailroomError

if TYPE_CHECKING:
    from mailroom.config.account_settings import AccountConfig, AccountSettings
    from mailroom.config.scheme import Scheme

_FIRST_OF_SIGNALS = 128


def with_every_account(command: Callable[Concatenate["AccountSettings", "Scheme", P], int]) -> Callable[P, int]:
    """Run a command on one account after the other, each below its name; without a folder, on the one that there is.

    What an account raises is told, and the others have their turn; the highest status is that of all. A signal ends it.
    """

    @wraps(command)
    def with_each(*args: P.args, **kwargs: P.kwargs) -> int:
        from mailroom.commands.which_account import account_named
        from mailroom.config.account_files import read_folder

        def visit(account: "AccountConfig") -> int:
            return command(account.settings, account.scheme, *args, **kwargs)

        environment, name = read_settings(), account_asked_for()
        folder = environment.process.accounts
        if folder is None or name is not None:
            return visit(account_named(name, environment))
        reading = read_folder(folder)
        worst = 0
        for each in reading.names:
            click.secho(f"{each}:", bold=True)
            try:
                status = visit(reading.account(each))
            except MailroomError as error:
                status = report(error)
            click.echo()
            worst = max(worst, status)
            if status > _FIRST_OF_SIGNALS:
                break
        return worst

    return account_option(with_each)
