"""An embedded JMAP server with a mailbox in memory: for the demo, the tests and the benchmarks.

    sandbox = Sandbox(flavour=CYRUS, limits=Limits(max_objects_in_set=10))
    base_url = await nursery.start(serve, sandbox)

It knows nothing of the daemon. It implements RFC 8620 (core, EventSource), RFC 8621 (mail) and RFC 9610
(contacts) as far as a mail app or a screener needs them, and refuses what these standards refuse.
"""

from mailroom.sandbox.errors import MethodError, SandboxError, SetError
from mailroom.sandbox.flavour import CYRUS, FASTMAIL, FLAVOURS, JAMES, STALWART, Flavour, Limits, flavour_named
from mailroom.sandbox.recorded import Recorded
from mailroom.sandbox.sample import fill_sample
from mailroom.sandbox.sandbox import Sandbox
from mailroom.sandbox.server import AddressInUseError, serve

__all__ = [
    "CYRUS",
    "FASTMAIL",
    "FLAVOURS",
    "JAMES",
    "STALWART",
    "AddressInUseError",
    "Flavour",
    "Limits",
    "MethodError",
    "Recorded",
    "Sandbox",
    "SandboxError",
    "SetError",
    "fill_sample",
    "flavour_named",
    "serve",
]
