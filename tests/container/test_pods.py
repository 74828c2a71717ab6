"""First and twin of a shard, from `deploy/kubernetes/`: what a cluster would start, as far as podman can."""

from pathlib import Path

import httpx
import pytest
import trio

from mailroom.config.shard import Shard
from mailroom.sandbox import Sandbox
from tests.container.podman import Podman
from tests.container.pods import CONTAINER, bring, playing, pod
from tests.container.running import STOP_SECONDS, ask
from tests.guard import GUARD_SECONDS
from tests.real.processes import free_port
from tests.screener import empty_sandbox, served

pytestmark = [pytest.mark.container, pytest.mark.timeout(1200)]

FIRST, TWIN = f"mailroom-0-{CONTAINER}", f"mailroom-twin-0-{CONTAINER}"
SHARD = Shard(0, 4)


def account_in(shard: Shard) -> str:
    """A name whose account is in the shard."""
    return next(name for name in map("account-{}".format, range(100)) if shard.holds(name))


ANNA, OTHER = account_in(SHARD), account_in(Shard(1, 4))


def files(url: httpx.URL, token: str) -> dict[str, str]:
    """The folder of the page in `deploy/kubernetes/`: shared settings, an account here and one of another shard."""
    account = f'jmap_session_url = "{url}"\njmap_token_file = "{{}}.token"\n'
    return {
        "defaults.toml": "poll_interval = 60\n",
        f"{ANNA}.toml": account.format(ANNA),
        f"{ANNA}.token": token,
        f"{OTHER}.toml": account.format(OTHER),
        f"{OTHER}.token": "of-another-shard",
    }


async def filed(sandbox: Sandbox, sender: str) -> None:
    """Label a mail of a new sender, and wait until it is filed."""
    mail = sandbox.deliver(f"{sender} <{sender}@example.org>", mailboxes=("Screener", "@ToFeed"))
    while sandbox.mailboxes_of(mail) != {"Feed"}:
        await sandbox.changed()


async def told(port: int, path: str) -> httpx.Response:
    async with httpx.AsyncClient() as http:
        return await http.get(f"http://127.0.0.1:{port}{path}")


async def test_a_pod_serves_its_shard_and_a_new_token_and_its_twin_takes_over(
    podman: Podman, image: str, tmp_path: Path
) -> None:
    sandbox = empty_sandbox()
    ports = free_port(), free_port()
    with trio.fail_after(GUARD_SECONDS):
        async with served(sandbox) as url:
            bring(tmp_path, files(url, "revoked"))
            of_first, of_twin = (pod(file, 0, image, tmp_path) for file in ("first.yaml", "twin.yaml"))
            async with playing(podman, of_first, ports[0]) as first, playing(podman, of_twin, ports[1]) as twin:
                for daemon in (first, twin):
                    started = await daemon.logs("service_started")
                    assert (started["shard"], started["accounts"]) == (str(SHARD), 1)
                    await daemon.logs("account_set_aside")
                bring(tmp_path, files(url, sandbox.token))
                for daemon, port, role in ((first, ports[0], "first"), (twin, ports[1], "standby")):
                    await daemon.logs("eventsource_connected")
                    await daemon.logs("poll_completed")
                    assert [(await told(port, probe)).status_code for probe in ("/livez", "/readyz")] == [200, 200]
                    health = (await told(port, "/healthz")).json()
                    assert (health["status"], health["shard"], health["role"]) == ("ok", str(SHARD), role)
                await filed(sandbox, "ann")
                await first.logs("sender_triaged")
                listed = await ask(podman, "exec", TWIN, "mailroom", "accounts")
                assert "1 ok, 1 other shard." in listed
                assert f"serves shard {SHARD}; its role is standby." in listed
                await ask(podman, "kill", "--signal=KILL", FIRST)
                await filed(sandbox, "bob")
                with trio.fail_after(STOP_SECONDS):
                    await ask(podman, "stop", TWIN)
                states = await ask(podman, "inspect", "--format={{.State.Running}} {{.State.ExitCode}}", FIRST, TWIN)
                assert states.split("\n") == ["false 137", "false 0"]
                assert await twin.exit_status() == 0
                assert twin.logged("sender_triaged")[-1]["sender"] == "bob@example.org"
                assert sandbox.token not in str(first.lines + twin.lines) + await ask(podman, "inspect", TWIN)


async def test_a_pod_has_no_rights(podman: Podman, image: str, tmp_path: Path) -> None:
    port = free_port()
    async with served(empty_sandbox()) as url:
        bring(tmp_path, files(url, "revoked"))
        with trio.fail_after(GUARD_SECONDS):
            async with playing(podman, pod("first.yaml", 0, image, tmp_path), port) as daemon:
                await daemon.logs("service_started")
                status = await ask(podman, "exec", FIRST, "python3", "-c", "print(open('/proc/1/status').read())")
                facts = {
                    name: value.split() for name, _, value in (line.partition(":") for line in status.splitlines())
                }
                assert facts["Uid"] == facts["Gid"] == ["10001"] * 4
                assert {facts[name][0] for name in ("CapEff", "CapPrm", "CapBnd")} == {"0" * 16}
                assert facts["NoNewPrivs"] == ["1"]
                assert await ask(podman, "inspect", "--format={{.HostConfig.ReadonlyRootfs}}", FIRST) == "true"
                assert await ask(podman, "inspect", "--format={{.HostConfig.Memory}}", FIRST) == str(640 * 1024 * 1024)
