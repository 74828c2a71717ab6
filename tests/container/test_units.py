"""The units in `deploy/`, judged by the programs that will read them."""

import subprocess
from pathlib import Path

import pytest

from tests.container.debian import Failed, run

pytestmark = [pytest.mark.container, pytest.mark.timeout(1200)]

QUADLET = "/usr/libexec/podman/quadlet"
RESTARTS = {"Restart=on-failure", "RestartSec=30", "RestartPreventExitStatus=2"}
MEMORY = {"mailroom": "MemoryMax=256M", "mailroom-accounts": "MemoryMax=640M", "mailroom-shard@": "MemoryMax=640M"}

each_name = pytest.mark.parametrize("name", MEMORY)

MOST_EXPOSED = 20
"""In the tenths in which systemd-analyze takes a limit: 2.0 of 10."""


def verify(machine: Path, unit: str) -> str:
    """What systemd finds wrong with a unit file: nothing, or complaints."""
    done = subprocess.run(  # noqa: S603  the machine's own tools
        ["/usr/sbin/chroot", machine, "systemd-analyze", "verify", unit],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if line.startswith("/") or "mailroom" in line]
    return "\n".join(complaints) or ("" if done.returncode == 0 else done.stderr)


def misspell(file: Path, name: str, copy: Path) -> None:
    copy.write_text(file.read_text().replace(f"{name}=", f"{name}x="))


@each_name
def test_systemd_accepts_the_unit_for_a_virtual_environment(machine: Path, name: str) -> None:
    unit = f"/etc/systemd/system/{name}.service"
    assert verify(machine, unit) == ""
    assert set((machine / unit[1:]).read_text().splitlines()) >= {*RESTARTS, MEMORY[name]}
    misspell(machine / unit[1:], "MemoryMax", machine / f"tmp/{name}.service")
    assert "MemoryMaxx" in verify(machine, f"/tmp/{name}.service")  # noqa: S108 - inside the machine


@each_name
def test_systemd_calls_the_unit_little_exposed(machine: Path, name: str) -> None:
    run(
        *("chroot", machine, "systemd-analyze", "security", "--offline=yes", f"--threshold={MOST_EXPOSED}"),
        *("--no-pager", f"{name}.service"),
    )


@pytest.mark.parametrize("name", ["mailroom-accounts", "mailroom-shard@"])
def test_many_accounts_are_read_again_by_a_reload_and_may_open_a_connection_each(machine: Path, name: str) -> None:
    unit = (machine / f"etc/systemd/system/{name}.service").read_text().splitlines()
    wanted = {"User=mailroom", "Group=mailroom", "ExecReload=/bin/kill -HUP $MAINPID", "LimitNOFILE=8192"}
    assert {*unit} >= wanted
    assert not [line for line in unit if line.startswith(("DynamicUser", "LoadCredential"))]


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("mailroom", ["--secret mailroom_jmap_token"]),
        ("mailroom-accounts", ["-v /etc/mailroom/accounts:/accounts:ro", "--ulimit nofile=8192:8192"]),
    ],
)
def test_the_generator_makes_a_service_of_the_quadlet_that_systemd_accepts(
    machine: Path, name: str, own: list[str]
) -> None:
    units = machine / "tmp/units"
    units.mkdir(exist_ok=True)
    run("chroot", machine, QUADLET, "/tmp/units")  # noqa: S108 - inside the machine
    made = (units / f"{name}.service").read_text().splitlines()
    command = next(line for line in made if line.startswith("ExecStart="))
    assert command.endswith(" localhost/mailroom:latest")
    for option in ("--read-only", "--cap-drop all", "--security-opt=no-new-privileges", *own):
        assert option in command
    assert {*made} >= {*RESTARTS, MEMORY[name]}
    assert verify(machine, f"/tmp/units/{name}.service") == ""  # noqa: S108 - inside the machine


def test_the_generator_would_tell_of_a_key_it_does_not_know(machine: Path) -> None:
    unit = machine / "etc/containers/systemd/mailroom.container"
    other = unit.with_name("other.container")
    misspell(unit, "ReadOnly", other)
    try:
        with pytest.raises(Failed, match="ReadOnlyx"):
            run("chroot", machine, QUADLET, "-dryrun")
    finally:
        other.unlink()
