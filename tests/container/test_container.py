"""The daemon in a container, with no right that it doesn't need, against a sandbox outside of it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from shutil import chown
from subprocess import PIPE
from urllib.parse import urlsplit

import pytest
import trio

from mailroom.sandbox import Sandbox
from tests.container.podman import Podman
from tests.container.running import STOP_SECONDS, ask, following
from tests.daemon_process import DaemonProcess
from tests.guard import GUARD_SECONDS
from tests.real.processes import free_port
from tests.screener import empty_sandbox, served

pytestmark = [pytest.mark.container, pytest.mark.timeout(1200)]

NAME = "mailroom"
SECRET = "mailroom_jmap_token"  # noqa: S105  a name, no secret
LOCKED = ["--read-only", "--cap-drop=all", "--security-opt=no-new-privileges"]
# podman 4.3 first binds a folder to /run/secrets, read-only like the root, in which runc can't make the secret's file.
ROOM_FOR_SECRETS = "--tmpfs=/run/secrets"

USER = 10001
"""Who the daemon is in there."""

REMOVAL = ("rm", "--force", "--ignore", "--time=0", NAME)


@asynccontextmanager
async def container_on(sandbox: Sandbox, podman: Podman, image: str, *options: str) -> AsyncIterator[DaemonProcess]:
    """Run the daemon in a container, its secret from podman; the process is that of `podman run`."""
    podman.run("secret", "create", SECRET, "-", stdin=sandbox.token)
    port = free_port()
    async with served(sandbox) as url:
        assert urlsplit(str(url)).hostname == "127.0.0.1"
        # Plain http is for this machine alone, so the container shares its network.
        settings = {
            "JMAP_SESSION_URL": url,
            "HEALTH_HOST": "127.0.0.1",
            "HEALTH_PORT": port,
            "DEBOUNCE_SECONDS": 0,
            "LOG_LEVEL": "debug",
        }
        variables = [f"--env=MAILROOM_{name}={value}" for name, value in settings.items()]
        secret = [f"--secret={SECRET}", ROOM_FOR_SECRETS]
        process = await trio.lowlevel.open_process(
            ["podman", "run", f"--name={NAME}", "--network=host", *LOCKED, *secret, *variables, *options, image],
            env=podman.environment,
            stdout=PIPE,
            stderr=PIPE,
        )
        try:
            async with following(DaemonProcess(process, port), podman, REMOVAL) as daemon:
                yield daemon
        finally:
            podman.run("secret", "rm", SECRET)


@asynccontextmanager
async def folder_container(podman: Podman, image: str, folder: Path) -> AsyncIterator[DaemonProcess]:
    """Run the daemon in a container that is given a folder of accounts."""
    port = free_port()
    settings = {"ACCOUNTS": "/accounts", "HEALTH_HOST": "127.0.0.1", "HEALTH_PORT": port, "LOG_LEVEL": "debug"}
    variables = [f"--env=MAILROOM_{name}={value}" for name, value in settings.items()]
    mounted = f"--volume={folder}:/accounts:ro"
    process = await trio.lowlevel.open_process(
        ["podman", "run", f"--name={NAME}", "--network=host", *LOCKED, mounted, *variables, image],
        env=podman.environment,
        stdout=PIPE,
        stderr=PIPE,
    )
    async with following(DaemonProcess(process, port), podman, REMOVAL) as daemon:
        yield daemon


async def test_it_is_healthy_settles_a_sender_and_stops_at_once(podman: Podman, image: str) -> None:
    sandbox = empty_sandbox()
    mail = sandbox.deliver("Ann <ann@example.org>")
    with trio.fail_after(GUARD_SECONDS):
        async with container_on(sandbox, podman, image) as container:
            await container.logs("eventsource_connected")
            await container.logs("poll_completed")
            # It fails unless the daemon in there says that it is well.
            await ask(podman, "healthcheck", "run", NAME)
            assert await ask(podman, "inspect", "--format={{.State.Health.Status}}", NAME) == "healthy"
            sandbox.label(mail, "@ToFeed")
            await container.logs("sender_triaged")
            await container.logs("poll_completed", times=2)
            assert sandbox.mailboxes_of(mail) == {"Feed"}
            assert sandbox.groups()["Feed"] == {"ann@example.org"}
            assert sandbox.token not in await ask(podman, "inspect", NAME) + str(container.lines)
            with trio.fail_after(STOP_SECONDS):
                await ask(podman, "stop", NAME)
            assert await ask(podman, "inspect", "--format={{.State.ExitCode}}", NAME) == "0"
            assert await container.exit_status() == 0
            assert container.lines[-1]["event"] == "service_stopped"


async def test_it_serves_a_folder_of_accounts_and_a_new_one_after_a_hangup(
    podman: Podman, image: str, tmp_path: Path
) -> None:
    mailboxes = {"anna": empty_sandbox(), "bert": empty_sandbox()}
    chown(tmp_path, USER)
    with trio.fail_after(GUARD_SECONDS):
        async with AsyncExitStack() as stack:
            urls = {name: await stack.enter_async_context(served(each)) for name, each in mailboxes.items()}

            def write(name: str) -> None:
                file = tmp_path / f"{name}.toml"
                file.write_text(f'jmap_session_url = "{urls[name]}"\njmap_token = "{mailboxes[name].token}"\n')
                file.chmod(0o600)
                chown(file, USER)

            write("anna")
            container = await stack.enter_async_context(folder_container(podman, image, tmp_path))
            await container.logs("eventsource_connected")
            write("bert")
            await ask(podman, "kill", "--signal=HUP", NAME)
            await container.logs("eventsource_connected", times=2)
            await ask(podman, "healthcheck", "run", NAME)
            for name, sandbox in mailboxes.items():
                mail = sandbox.deliver("Ann <ann@example.org>", mailboxes=("Screener", "@ToFeed"))
                while sandbox.mailboxes_of(mail) != {"Feed"}:
                    await sandbox.changed()
                assert "healthy: " in await ask(podman, "exec", NAME, "mailroom", "healthcheck", "--account", name)
            with trio.fail_after(STOP_SECONDS):
                await ask(podman, "stop", NAME)
            assert await container.exit_status() == 0
            triaged = {line["account"] for line in container.logged("sender_triaged")}
            assert triaged == {"anna", "bert"}


async def test_it_has_no_rights(podman: Podman, image: str) -> None:
    with trio.fail_after(GUARD_SECONDS):
        async with container_on(empty_sandbox(), podman, image) as container:
            await container.logs("service_started")
            status = await ask(podman, "exec", NAME, "python3", "-c", "print(open('/proc/1/status').read())")
            facts = {name: value.split() for name, _, value in (line.partition(":") for line in status.splitlines())}
            assert facts["Uid"] == ["10001"] * 4
            assert facts["Gid"] == ["10001"] * 4
            assert {facts[name][0] for name in ("CapEff", "CapPrm", "CapBnd")} == {"0" * 16}
            assert facts["NoNewPrivs"] == ["1"]
            await ask(podman, "stop", NAME)
            assert await container.exit_status() == 0


MIDNIGHT = """
[digest]
at = "00:00"
timezone = "Europe/Berlin"
"""
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


async def test_it_writes_a_digest_before_and_one_after_midnight(podman: Podman, image: str, tmp_path: Path) -> None:
    config = tmp_path / "mailroom.toml"
    config.write_text(MIDNIGHT)
    sandbox = empty_sandbox()
    sandbox.deliver("Ann <ann@example.org>")
    # 40 s before midnight in Berlin. The event loop's own clock is the true one.
    clock = ["FAKETIME=@2026-11-26 22:59:20", "TZ=UTC", "DONT_FAKE_MONOTONIC=1", "LD_PRELOAD=/faketime.so"]
    options = [
        f"--volume={FAKETIME}:/faketime.so:ro",
        f"--volume={config}:/data/mailroom.toml:ro",
        "--env=MAILROOM_CONFIG=mailroom.toml",
        *(f"--env={variable}" for variable in clock),
    ]
    with trio.fail_after(GUARD_SECONDS):
        async with container_on(sandbox, podman, image, *options) as container:
            await container.logs("digest_written", times=2)
            await ask(podman, "stop", NAME)
            assert await container.exit_status() == 0
    written = sorted(
        mail.message.message_ids[0].partition("@")[0][:17]
        for mail in sandbox.store.mails.objects.values()
        if "mailroom-digest" in mail.keywords
    )
    assert written == ["digest.2026-11-26", "digest.2026-11-27"]
