"""`mailroom accounts`: the accounts of the folder, and how the running daemon says that they are."""

import json
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

    `shard` is None where one process serves all.
    """

    name: str
    shard: Shard | None
    state: State
    session_url: str | None
    problems: tuple[str, ...]
    error: str | None


async def show(environment: Environment) -> int:
    """Print a table; returns 1 if an account is broken or unhealthy. Raises `ConfigError` where there is no folder."""
    listed = await _listed(environment)
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
    console.print(f"{plural(len(listed), 'account')}: {figures}.{_part(environment.process)}", soft_wrap=True)
    return _status(listed)


def _part(process: ProcessSettings) -> str:
    """What these settings make of the process on this machine."""
    shard = "" if process.shard is None else f" This process serves shard {process.shard}."
    standby = f" It stands by, {process.standby_seconds:g} s behind the first one." if process.standby_seconds else ""
    return f"{shard}{standby}"


async def as_json(environment: Environment) -> int:
    """Print a JSON array, an object each; the status is that of `show`. Raises as `show` does."""
    listed = await _listed(environment)
    document = [
        {
            "account": each.name,
            "shard": None if each.shard is None else str(each.shard),
            "state": each.state.value,
            "session_url": each.session_url,
            "problems": list(each.problems),
            "last_poll_error": each.error,
        }
        for each in listed
    ]
    open_console().out(json.dumps(document, indent=2), highlight=False)
    return _status(listed)


async def _listed(environment: Environment) -> Sequence[Listed]:
    reading, process = read_folder(environment.folder), environment.process
    shards = {name: None if process.shard is None else shard_of(name, process.shard.of) for name in reading.names}
    is_running = await ask_daemon(process) is not None
    ours = [name for name, shard in shards.items() if shard == process.shard]
    served = await ask_accounts(process, ours) if is_running else {}
    return [
        _of_account(name, shard, reading, served.get(name), is_running)
        if shard == process.shard
        else _of_other_shard(name, shard, reading)
        for name, shard in shards.items()
    ]


def _of_other_shard(name: str, shard: Shard | None, reading: Reading) -> Listed:
    """It is for another process to serve, and to tell of."""
    account = reading.accounts.get(name)
    url = None if account is None else account.settings.jmap_session_url
    return Listed(name, shard, State.OTHER_SHARD, url, reading.mistakes.get(name, ()), None)


def _of_account(
    name: str, shard: Shard | None, reading: Reading, served: RunningDaemon | None, is_running: bool
) -> Listed:
    account = reading.accounts.get(name)
    problems = reading.mistakes.get(name, ())
    url = None if account is None else account.settings.jmap_session_url
    if served is not None and (served.status == "ok" or account is not None):
        state = State.OK if served.status == "ok" else State.UNHEALTHY
        return Listed(name, shard, state, url, problems, served.last_poll_error)
    if account is None:
        return Listed(name, shard, State.BROKEN, url, problems, None)
    if not account.enabled:
        return Listed(name, shard, State.DISABLED, url, problems, None)
    return Listed(name, shard, State.NOT_SERVED if is_running else State.NOT_RUNNING, url, problems, None)


def _status(listed: Sequence[Listed]) -> int:
    return 1 if any(each.problems or each.state is State.UNHEALTHY for each in listed) else 0
