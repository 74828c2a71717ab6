"""Pods of the StatefulSets in `deploy/kubernetes/`, started by `podman kube play`, which takes no StatefulSet."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from copy import deepcopy
from os import chown
from pathlib import Path
from subprocess import PIPE
from tempfile import mkdtemp
from typing import Any

import trio

from tests.container.podman import Podman
from tests.container.running import following
from tests.daemon_process import DaemonProcess
from tests.kubernetes.manifests import Document, documents, texts

CONTAINER = "mailroom"
GROUP = 10001
"""`fsGroup` of the pods."""


def pod(file: str, number: int, image: str, accounts: Path) -> Document:
    """What a StatefulSet makes of its template, but for what one machine without a cluster has otherwise: the image,
    the machine's network, and a folder for the volume, which podman can't project."""
    (stateful_set,) = documents(texts()[file])
    template: Document = deepcopy(stateful_set["spec"]["template"])
    name = f"{stateful_set['metadata']['name']}-{number}"
    spec: dict[str, Any] = template["spec"]
    (container,) = spec["containers"]
    (volume,) = spec["volumes"]
    assert container["name"] == CONTAINER
    spec["hostNetwork"] = True
    container |= {"image": image, "imagePullPolicy": "Never"}
    volume["hostPath"] = {"path": str(accounts), "type": "Directory"}
    del volume["projected"], container["ports"]
    metadata = {"name": name, "labels": template["metadata"]["labels"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def bring(folder: Path, files: Mapping[str, str]) -> None:
    """Bring files into a volume as the kubelet does: all of them into a folder of their own, to which one link is led
    over at once, and a link to each through that one."""
    folder.chmod(0o755)
    fresh = Path(mkdtemp(prefix="..", dir=folder))
    fresh.chmod(0o755)
    for name, text in files.items():
        file = fresh / name
        file.write_text(text)
        file.chmod(0o440)
        chown(file, 0, GROUP)
    link = folder / "..data_tmp"
    link.symlink_to(fresh.name)
    link.rename(folder / "..data")
    for name in files:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(Path("..data", name))


@asynccontextmanager
async def playing(podman: Podman, pod: Document, health_port: int) -> AsyncIterator[DaemonProcess]:
    """Start the pod on a port of its own, and read its log, which tells all; it is gone at the end."""
    (settings,) = documents(texts()["settings.yaml"])
    settings["data"] |= {"MAILROOM_HEALTH_PORT": str(health_port), "MAILROOM_LOG_LEVEL": "debug"}
    # JSON is YAML.
    text = "\n---\n".join(map(json.dumps, (settings, pod)))
    name = pod["metadata"]["name"]
    removal = ("pod", "rm", "--force", "--ignore", "--time=0", name)
    try:
        await trio.to_thread.run_sync(lambda: podman.run("kube", "play", "-", stdin=text))
        process = await trio.lowlevel.open_process(
            ["podman", "logs", "--follow", f"{name}-{CONTAINER}"], env=podman.environment, stdout=PIPE, stderr=PIPE
        )
        async with following(DaemonProcess(process, health_port), podman, removal) as daemon:
            yield daemon
    finally:
        # One that didn't start is there as well.
        podman.run(*removal)
