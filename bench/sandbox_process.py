"""`python -m bench.sandbox_process SENDERS MAILS_EACH`: a filled sandbox; prints its session url and token."""

import sys

import trio

from bench.load import Load
from mailroom.sandbox import Sandbox, serve
from mailroom.sandbox.sample import create_folders


async def main(load: Load) -> None:
    """Serve until killed."""
    sandbox = Sandbox()
    create_folders(sandbox)
    for message in load.messages():
        sandbox.deliver(raw=message)
    async with trio.open_nursery() as nursery:
        base_url = await nursery.start(serve, sandbox)
        print(f"{base_url}/jmap/session", sandbox.token, flush=True)


if __name__ == "__main__":
    trio.run(main, Load(int(sys.argv[1]), int(sys.argv[2])))
