"""`python -m bench.sandbox_process NUMBERS`: a sandbox filled with such a `Load`; prints its session url and token."""

import sys

import trio

from bench.load import Load
from mailroom.sandbox import Sandbox, serve
from mailroom.sandbox.sample import create_folders


def filled(load: Load) -> Sandbox:
    """A sandbox with the load, nothing labelled."""
    sandbox = Sandbox()
    create_folders(sandbox)
    for message in load.messages():
        sandbox.deliver(raw=message)
    for keyword, messages in load.in_inbox().items():
        for message in messages:
            sandbox.deliver(raw=message, mailboxes=["Inbox"], keywords=(keyword,) if keyword else ())
    for message in load.sent_messages():
        sandbox.deliver(raw=message, mailboxes=["Sent"])
    for contact in load.contacts():
        sandbox.add_card(contact.address, contact.name, notes={"n1": {"note": contact.note}})
    return sandbox


async def main(sandbox: Sandbox) -> None:
    """Serve until killed."""
    async with trio.open_nursery() as nursery:
        base_url = await nursery.start(serve, sandbox)
        print(f"{base_url}/jmap/session", sandbox.token, flush=True)


if __name__ == "__main__":
    trio.run(main, filled(Load(*map(int, sys.argv[1:]))))
