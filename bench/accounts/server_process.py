"""`python -m bench.accounts.server_process COUNT LABELLED DELAY [PEM]`: a house of so many mailboxes, on one port.

The first mailbox has `LABELLED` mails with a label from the start, and each answer of the API takes `DELAY` seconds
more. With the path of a certificate and key it speaks TLS. It prints its origin, and then answers commands, a line of
JSON each: `{"pushes": N, "per_second": R, "label_every": K}` delivers mail to one mailbox after the other, every Kth
with a label, `{"counts": true}` tells requests and connections so far.
"""

import itertools
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import astuple
from functools import partial
from typing import Any

import trio

from bench.accounts.house import House, Push, serve_house, tenant_of
from mailroom.sandbox import faults


def house(count: int, labelled: int, delay: float) -> House:
    tenants = {f"token-{number}": tenant_of(number) for number in range(count)}
    first = tenants["token-0"].sandbox
    for number in range(labelled):
        first.deliver(f"Sender <s{number % 5000}@example.net>", mailboxes=("Screener", "@ToFeed"))
    if delay:
        for each in tenants.values():
            each.sandbox.faults.next_request(faults.Delay(delay), times=None)
    return House(tenants)


async def main(count: str, labelled: str, delay: str, pem: str = "") -> None:
    """Serve until killed."""
    built = house(int(count), int(labelled), float(delay))
    async with trio.open_nursery() as nursery:
        print(await nursery.start(serve_house, built, pem), flush=True)
        await _obey(built, nursery)


async def _obey(built: House, nursery: trio.Nursery) -> None:
    stdin = trio.lowlevel.FdStream(0)
    rest = b""
    async for part in stdin:
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            command = json.loads(line)
            if "pushes" in command:
                nursery.start_soon(_push, built, command)
            else:
                _answer({"requests": built.requests, "connections": len(built.connections)})


async def _push(built: House, command: dict[str, Any]) -> None:
    """To one mailbox after the other but the first, which is the one with a burden, where there are others."""
    pushes: list[Push] = []
    tenants = list(built.tenants.values())
    async with trio.open_nursery() as nursery:

        async def one(arrives: Callable[[], Awaitable[Push]]) -> None:
            pushes.append(await arrives())

        whose = itertools.cycle(tenants[1:] or tenants)
        for number, tenant in enumerate(itertools.islice(whose, command["pushes"])):
            labelled = number % command["label_every"] == 0
            nursery.start_soon(one, tenant.labelled if labelled else tenant.plain)
            await trio.sleep(1 / command["per_second"])
    _answer({"pushes": [astuple(each) for each in pushes]})


def _answer(value: object) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    trio.run(partial(main, *sys.argv[1:]))
