import re
import signal
import socket
import subprocess

import httpx
import pytest
import trio

from mailroom.sandbox import AddressInUseError, SandboxError
from mailroom.sandbox.command import run
from tests.exhaustive import always
from tests.guard import GUARD_SECONDS
from tests.warm import mailroom


@pytest.mark.parametrize("number", always(1, [signal.SIGTERM, signal.SIGINT]))
async def test_the_printed_settings_lead_to_the_session_and_a_signal_ends_it(number: signal.Signals) -> None:
    with trio.fail_after(GUARD_SECONDS):
        process = await trio.lowlevel.open_process(
            mailroom("sandbox", "--port", "0", "--flavour", "cyrus"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stderr is not None
        async with process.stdout, process.stderr:
            printed = b""
            while b"MAILROOM_JMAP_TOKEN" not in printed or not printed.endswith(b"Ctrl-C.\n"):
                printed += await process.stdout.receive_some()
            settings = dict(re.findall(r"^export (\w+)=(\S+)$", printed.decode(), re.MULTILINE))
            async with httpx.AsyncClient(timeout=GUARD_SECONDS) as http:
                token = settings["MAILROOM_JMAP_TOKEN"]
                headers = {"Authorization": f"Bearer {token}"}
                session = await http.get(settings["MAILROOM_JMAP_SESSION_URL"], headers=headers)
            assert session.json()["apiUrl"] == "/jmap/api/"
            process.send_signal(number)
            assert await process.wait() == 0
            assert await process.stderr.receive_some() == b""


async def test_a_port_in_use_and_an_unknown_flavour_are_said_clearly() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy, pytest.raises(AddressInUseError, match="choose another"):
        await run(busy.getsockname()[1], "fastmail", str.upper)
    with pytest.raises(SandboxError, match="fastmail, cyrus"):
        await run(0, "exchange", str.upper)
