"""13. Container: the daemon in a container does the same, with no rights that it doesn't need.

Proves: the image has a numeric user who isn't root, and a health check; the daemon in it works on a read-only root
  without any capability, with its secrets from `podman secret`; it settles a sender, and stops with status 0.
Needs: podman. `mailroom setup --apply` was run, and no daemon runs on the account. Without --image it builds the image
  from this project, for which podman must reach a registry that has the base image, and pip a package index.
Steps:
  1. Build the image, or take the one given.
  2. Start a container with the settings of this script, and wait until it is healthy.
  3. A mail of an invented sender comes to lie in the Screener; you put a label on it, and the daemon files it.
  4. Stop the container.
Cleans up: container and secrets are removed, and the image if it was built here; the mail goes to the Trash, and the
  contact card is deleted.
"""

import shutil
import subprocess
from functools import partial
from pathlib import Path

import httpx
import trio
from account import Account, Sender, category_of, open_account
from daemon import ANSWER_SECONDS, HOST, free_port, health_at
from pydantic import SecretStr
from support import Failed, Run, Unmet, arguments_of, run_script, say

from mailroom.config.scheme import Category
from mailroom.urls import is_loopback

PROJECT = Path(__file__).parents[1]
NAME = "mailroom-human-test"
BUILT_IMAGE = f"localhost/{NAME}"
PORT_INSIDE = 8080
CONFIG_INSIDE = "/data/mailroom.toml"
STOP_SECONDS = 5

KONRAD = Sender("Konrad Container", "konrad.container")


async def steps(image: str | None, run: Run) -> None:
    if shutil.which("podman") is None:
        raise Unmet("podman is missing: install it, or leave this test out")
    if image is not None and await status_of("image", "exists", image) != 0:
        raise Unmet(f"podman knows no image {image}: build it, or leave --image out")
    category = category_of(run, "company")
    account = await open_account(run, KONRAD)
    image = image or await build(run)
    await check_image(run, image)
    port = await start(run, image)
    try:
        await use(run, account, category, port)
    except Failed:
        done = await trio.run_process(["podman", "logs", "--tail", "12", NAME], capture_stdout=True, check=False)
        say(f"  The end of the container's log:\n{done.stdout.decode(errors='replace')}")
        raise


async def use(run: Run, account: Account, category: Category, port: int) -> None:
    """What the daemon in the container has to do, to its end."""
    async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as http:
        await run.until("/healthz of the container says ok", lambda: is_healthy(http, port))
    run.check("its own health check says so, too", await status_of("healthcheck", "run", NAME) == 0)
    (mail,) = await account.receive(KONRAD, "Mailroom human test 13: container")
    await account.put_label(category.label, mail)
    await run.until(f"the mail is filed for {category.name}", lambda: account.is_filed(category, mail))
    run.check("the sender has one contact card", category.contact_group in (await account.contact(KONRAD)).groups)
    began = trio.current_time()
    await podman("stop", "--time", str(2 * STOP_SECONDS), NAME)
    seconds = trio.current_time() - began
    run.check(f"it stops in less than {STOP_SECONDS} s: {seconds:.1f} s", seconds < STOP_SECONDS)
    run.check("with status 0", await podman("inspect", "--format", "{{.State.ExitCode}}", NAME) == "0")


async def build(run: Run) -> str:
    say("  • building the image; that takes a minute or more")
    run.clean_up.push_async_callback(remove, "image", BUILT_IMAGE)
    # The OCI format has no HEALTHCHECK.
    await podman("build", "--format", "docker", "--tag", BUILT_IMAGE, str(PROJECT))
    return BUILT_IMAGE


async def check_image(run: Run, image: str) -> None:
    user = await podman("image", "inspect", "--format", "{{.Config.User}}", image)
    number = user.partition(":")[0]
    run.check(f"its user is numeric and not root: {user}", number.isdecimal() and int(number) > 0)
    check = await podman("image", "inspect", "--format", "{{.HealthCheck}}", image)
    run.check("it has a health check", "healthcheck" in check)


async def start(run: Run, image: str) -> int:
    """Start the container; returns the port of this machine that its health app answers on."""
    run.clean_up.push_async_callback(remove, "container", NAME)
    await remove("container", NAME)
    port = free_port()
    is_local = is_loopback(httpx.URL(run.settings.jmap_session_url).host)
    # What listens on this machine alone can't be reached from a network of the container's own.
    network = ["--network", "host"] if is_local else ["--publish", f"{HOST}:{port}:{PORT_INSIDE}"]
    address = {"health_host": HOST, "health_port": str(port)} if is_local else {}
    plain, secret = values(run)
    variables = [f"--env=MAILROOM_{name.upper()}={value}" for name, value in (plain | address).items()]
    secrets = [await keep_secret(run, name, value) for name, value in secret.items()]
    config = run.scheme_file
    mounts = (
        [f"--volume={config.resolve()}:{CONFIG_INSIDE}:ro", f"--env=MAILROOM_CONFIG={CONFIG_INSIDE}"] if config else []
    )
    lock = ["--read-only", "--cap-drop=all", "--security-opt=no-new-privileges"]
    await podman("run", "--detach", "--name", NAME, *lock, *network, *variables, *secrets, *mounts, image)
    say("  • the container runs, read-only and without capabilities")
    return port


def values(run: Run) -> tuple[dict[str, str], dict[str, SecretStr]]:
    """The settings that the container gets, as text, and those that are secret."""
    inside = {"health_host", "health_port", "config", "log_format"}
    told = {**dict(run.settings), **dict(run.process), "screening": run.scheme.screening.mode}
    given = {name: value for name, value in told.items() if value is not None and name not in inside}
    secret = {name: value for name, value in given.items() if isinstance(value, SecretStr)}
    return {name: str(value) for name, value in given.items() if name not in secret}, secret


async def keep_secret(run: Run, name: str, value: SecretStr) -> str:
    """Give podman a secret, on its standard input; returns the argument that lets a container have it."""
    secret = f"{NAME}-{name}"
    run.clean_up.push_async_callback(remove, "secret", secret)
    await remove("secret", secret)
    await podman("secret", "create", secret, "-", stdin=value.get_secret_value())
    # Not as a file in /run/secrets: seen with podman 4.3.1 and runc, that can't be mounted on a read-only root.
    return f"--secret={secret},type=env,target=MAILROOM_{name.upper()}"


async def is_healthy(http: httpx.AsyncClient, port: int) -> bool:
    health = await health_at(http, port)
    return health is not None and health.status == "ok" and health.last_poll_trigger is not None


async def remove(kind: str, name: str) -> None:
    """Remove a container, a secret or an image of podman's, if it is there."""
    force = ["--force"] if kind == "container" else []
    if kind == "secret" or await status_of(kind, "exists", name) == 0:
        await status_of(kind, "rm", *force, name)


async def podman(*arguments: str, stdin: str = "") -> str:
    """Run podman; returns what it printed. Raises `Failed` with the end of it if it fails."""
    done = await trio.run_process(
        ["podman", *arguments],
        stdin=stdin.encode(),
        capture_stdout=True,
        stderr=subprocess.STDOUT,
        check=False,
    )
    output = done.stdout.decode(errors="replace").strip()
    if done.returncode != 0:
        raise Failed(f"podman {arguments[0]} ended with status {done.returncode}:\n{output[-1500:]}")
    return output.splitlines()[-1] if output else ""


async def status_of(*arguments: str) -> int:
    """Run podman for its exit status alone."""
    devnull = subprocess.DEVNULL
    done = await trio.run_process(["podman", *arguments], stdin=b"", stdout=devnull, stderr=devnull, check=False)
    return done.returncode


if __name__ == "__main__":
    parser = arguments_of(__doc__)
    parser.add_argument("--image", help="take this image instead of building one")
    given = parser.parse_args()
    raise SystemExit(run_script(__doc__, partial(steps, given.image), auto=given.auto))
