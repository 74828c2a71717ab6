"""podman with everything it keeps in a folder of its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.container.debian import run

# No systemd is needed: cgroupfs, locks and events in files, and health checks that run when asked for.
CONTAINERS = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
tmp_dir = "{folder}/tmp"
env = ["DISABLE_HC_SYSTEMD=true"]
[network]
network_backend = "netavark"
"""
STORAGE = """
[storage]
driver = "overlay"
graphroot = "{folder}/graph"
runroot = "{folder}/run"
"""

# Where the machine says how pip finds its package index, and which authorities it trusts.
MACHINE = [Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pip.conf")]


@dataclass(frozen=True)
class Podman:
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        files = {"CONTAINERS_CONF": "containers.conf", "CONTAINERS_STORAGE_CONF": "storage.conf"}
        return dict(os.environ) | {name: str(self.folder / file) for name, file in files.items()}

    def run(self, *arguments: str | Path, stdin: str = "") -> str:
        """Run podman to its end; returns what it printed. Raises `Failed`."""
        return run("podman", *arguments, environment=self.environment, stdin=stdin)

    def build(self, tag: str, base: str, context: Path) -> None:
        """Build the project's image from `context`."""
        mounts = [f"--volume={file}:{file}:ro" for file in MACHINE if file.exists()]
        # The OCI format has no HEALTHCHECK.
        options = ["--format=docker", "--network=host", f"--build-arg=BASE={base}", f"--tag={tag}"]
        self.run("build", *options, *mounts, context)


@contextmanager
def podman_in(folder: Path) -> Iterator[Podman]:
    """podman in an empty folder; at the end its containers, images and mounts are gone."""
    (folder / "containers.conf").write_text(CONTAINERS.format(folder=folder))
    (folder / "storage.conf").write_text(STORAGE.format(folder=folder))
    podman = Podman(folder)
    try:
        yield podman
    finally:
        podman.run("rm", "--all", "--force", "--time=0")
        podman.run("image", "umount", "--all", "--force")
        podman.run("image", "rm", "--all", "--force")
        for mount in mounts_below(folder):
            run("umount", mount)


def mounts_below(folder: Path) -> list[str]:
    """What is mounted in a folder, the innermost first."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return sorted((point for point in points if point.startswith(f"{folder}/")), reverse=True)
