"""The units in `deploy/`, judged by the programs that will read them."""

import subprocess
from pathlib import Path

import pytest

from tests.container.debian import Failed, run

pytestmark = [pytest.mark.container, pytest.mark.timeout(1200)]

QUADLET = "/usr/libexec/podman/quadlet"
RESTARTS = {"Restart=on-failure", "RestartSec=30", "RestartPreventExitStatus=2", "MemoryMax=256M"}

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


def test_systemd_accepts_the_unit_for_a_virtual_environment(machine: Path) -> None:
    unit = "/etc/systemd/system/mailroom.service"
    assert verify(machine, unit) == ""
    assert set((machine / unit[1:]).read_text().splitlines()) >= RESTARTS
    misspell(machine / unit[1:], "MemoryMax", machine / "tmp/mailroom.service")
    assert "MemoryMaxx" in verify(machine, "/tmp/mailroom.service")  # noqa: S108 - inside the machine


def test_systemd_calls_the_unit_little_exposed(machine: Path) -> None:
    run(
        *("chroot", machine, "systemd-analyze", "security", "--offline=yes", f"--threshold={MOST_EXPOSED}"),
        *("--no-pager", "mailroom.service"),
    )


def test_the_generator_makes_a_service_of_the_quadlet_that_systemd_accepts(machine: Path) -> None:
    dry = run("chroot", machine, QUADLET, "-dryrun")
    command = next(line for line in dry.splitlines() if line.startswith("ExecStart="))
    assert command.endswith(" localhost/mailroom:latest")
    for option in ("--read-only", "--cap-drop all", "--security-opt=no-new-privileges", "--secret mailroom_jmap_token"):
        assert option in command
    assert set(dry.splitlines()) >= RESTARTS
    (machine / "tmp/units").mkdir()
    run("chroot", machine, QUADLET, "/tmp/units")  # noqa: S108 - inside the machine
    assert verify(machine, "/tmp/units/mailroom.service") == ""  # noqa: S108 - inside the machine


def test_the_generator_would_tell_of_a_key_it_does_not_know(machine: Path) -> None:
    unit = machine / "etc/containers/systemd/mailroom.container"
    other = unit.with_name("other.container")
    misspell(unit, "ReadOnly", other)
    try:
        with pytest.raises(Failed, match="ReadOnlyx"):
            run("chroot", machine, QUADLET, "-dryrun")
    finally:
        other.unlink()
