"""`mailroom accounts`: the accounts of the folder, and how the running daemon says that they are."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from mailroom.commands.table import Column, print_table
from mailroom.commands.terminal import open_console, printable
from mailroom.config.account_files import Reading, read_folder
from mailroom.config.environment import Environment
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.shard import Shard, shard_of
from mailroom.observe.running_daemon import RunningDaemon, ask_accounts, ask_daemon
from mailroom.plural import plural


class State(Enum):
    """How an account is. The values are for scripts, too, and stay as they are."""

    OK = "ok"
    UNHEALTHY = "unhealthy"
    NOT_SERVED = "not served"
    OTHER_SHARD = "other shard"
    BROKEN = "broken"
    DISABLED = "disabled"
    NOT_RUNNING = "daemon not running"


@dataclass(frozen=True, slots=True)
class Listed:
    """An account, `problems` with its file, and what the daemon says about it (`error`: why its last pass failed).

    `shard` is None where one process serves all, `role` where the daemon doesn't run, or leaves it to another.
    """

    name: str
    shard: Shard | None
    role: str | None
    state: State
    session_url: str | None
    problems: tuple[str, ...]
    error: str | None


async def show(environment: Environment) -> int:
    """Print a table. Returns 1 if an account is broken or unhealthy, or another daemon answers than was asked for.

    Raises `ConfigError` where there is no folder.
    """
    listed, daemon = await _listed(environment)
    console = open_console()
    told = [printable("; ".join(filter(None, (*each.problems, each.error)))) for each in listed]
    columns = (
        Column("Account", [each.name for each in listed], folds=False),
        Column("Shard", [str(each.shard or "") for each in listed], folds=False),
        Column("State", [each.state.value for each in listed], folds=False),
        Column("Server", [printable(each.session_url or "") for each in listed], folds=False),
        Column("Problem", told),
    )
    print_table(console, [each for each in columns if any(each.cells)])
    counts = [(state, sum(each.state is state for each in listed)) for state in State]
    figures = ", ".join(f"{count} {state.value}" for state, count in counts if count)
    part = "" if daemon is None else _part(environment.process, daemon)
    console.print(f"{plural(len(listed), 'account')}: {figures}.{part}", soft_wrap=True)
    return _ended(listed, environment.process, daemon)


async def as_json(environment: Environment) -> int:
    """Print a JSON array, an object each; the status is that of `show`. Raises as `show` does."""
    listed, daemon = await _listed(environment)
    document = [
        {
            "account": each.name,
            "shard": None if each.shard is None else str(each.shard),
            "role": each.role,
            "state": each.state.value,
            "session_url": each.session_url,
            "problems": list(each.problems),
            "last_poll_error": each.error,
        }
        for each in listed
    ]
    open_console().out(json.dumps(document, indent=2), highlight=False)
    return _ended(listed, environment.process, daemon)


def _part(process: ProcessSettings, daemon: RunningDaemon) -> str:
    """What the daemon that answers is among several, which the settings of this shell need not say."""
    if daemon.shard is None and daemon.role != "standby":
        return ""
    role = "" if daemon.role is None else f"; its role is {printable(daemon.role)}"
    return f" The daemon on port {process.health_port} serves {_served_by(daemon)}{role}."


def _served_by(daemon: RunningDaemon) -> str:
    if daemon.accounts is None:
        return "a single account"
    return "all accounts" if daemon.shard is None else f"shard {daemon.shard}"


def _ended(listed: Sequence[Listed], process: ProcessSettings, daemon: RunningDaemon | None) -> int:
    if daemon is not None and (mistake := _mistaken(process, daemon)) is not None:
        print(f"mailroom: {mistake}", file=sys.stderr)
        return 1
    return 1 if any(each.problems or each.state is State.UNHEALTHY for each in listed) else 0


def _mistaken(process: ProcessSettings, daemon: RunningDaemon) -> str | None:
    """What to do where this isn't the daemon that was asked for; None if it is."""
    remedy = f"set {process.key('health_port')} to the port of the process that does"
    serves = f"the daemon on port {process.health_port} serves {_served_by(daemon)}"
    if daemon.accounts is None:
        return f"{serves}, and not those of a folder: {remedy}"
    if process.shard in (None, daemon.shard):
        return None
    key = process.key("shard")
    this_one = f"unset {key}" if daemon.shard is None else f"{key}={daemon.shard}"
    return f"{serves}, and not shard {process.shard}, which was asked for: {remedy}, or {this_one} to look at this one"


async def _listed(environment: Environment) -> tuple[Sequence[Listed], RunningDaemon | None]:
    """All accounts of the folder, as the daemon that answers tells of its own; and that one, if one does."""
    reading, process = read_folder(environment.folder), environment.process
    daemon = await ask_daemon(process)
    part = process.shard if daemon is None else daemon.shard
    shards = {name: None if part is None else shard_of(name, part.of) for name in reading.names}
    ours = [name for name, shard in shards.items() if shard == part]
    served = {} if daemon is None else await ask_accounts(process, ours)
    listed = [
        _of_account(name, shard, reading, served.get(name), daemon)
        if shard == part
        else _of_other_shard(name, shard, reading)
        for name, shard in shards.items()
    ]
    return listed, daemon


def _of_other_shard(name: str, shard: Shard | None, reading: Reading) -> Listed:
    """It is for another process to serve, and to tell of."""
    account = reading.accounts.get(name)
    url = None if account is None else account.settings.jmap_session_url
    return Listed(name, shard, None, State.OTHER_SHARD, url, reading.mistakes.get(name, ()), None)


def _of_account(
    name: str, shard: Shard | None, reading: Reading, served: RunningDaemon | None, daemon: RunningDaemon | None
) -> Listed:
    account = reading.accounts.get(name)
    problems = reading.mistakes.get(name, ())
    url = None if account is None else account.settings.jmap_session_url
    error = None
    if served is not None and (served.status == "ok" or account is not None):
        state = State.OK if served.status == "ok" else State.UNHEALTHY
        error = served.last_poll_error
    elif account is None:
        state = State.BROKEN
    elif not account.enabled:
        state = State.DISABLED
    else:
        state = State.NOT_RUNNING if daemon is None else State.NOT_SERVED
    return Listed(name, shard, None if daemon is None else daemon.role, state, url, problems, error)
