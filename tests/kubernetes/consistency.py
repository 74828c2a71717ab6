"""What no schema sees: that the documents of `deploy/kubernetes/` fit each other, Mailroom, and its image."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mailroom.config.account_settings import FILE_ENDING
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.shard import Shard, read_shard
from mailroom.config.variables import PREFIX
from mailroom.errors import ConfigError
from tests.conftest import PROJECT
from tests.kubernetes.manifests import KUSTOMIZATION, Document, documents

NAME, COMPONENT = "app.kubernetes.io/name", "app.kubernetes.io/component"
INDEX = "apps.kubernetes.io/pod-index"
"""Kubernetes has it on each pod of a StatefulSet: the number at the end of its name."""

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Pods:
    """A StatefulSet with the settings of its pods."""

    set: Document
    settings: Mapping[str, str]

    @property
    def name(self) -> str:
        return str(self.set["metadata"]["name"])

    @property
    def replicas(self) -> int:
        return int(self.set["spec"]["replicas"])

    @property
    def labels(self) -> Labels:
        labels: Labels = self.set["spec"]["template"]["metadata"]["labels"]
        return labels

    @property
    def pod(self) -> Document:
        pod: Document = self.set["spec"]["template"]["spec"]
        return pod

    @property
    def container(self) -> Document:
        (container,) = self.pod["containers"]
        found: Document = container
        return found

    def shards(self) -> Sequence[Shard]:
        """Those of its pods, which have the name of the set and a number. Raises `ValueError` for one that can't be."""
        return [read_shard(self.settings["MAILROOM_SHARD"], f"{self.name}-{number}") for number in range(self.replicas)]


def complaints(texts: Mapping[str, str]) -> list[str]:
    """What is wrong with the files, by name."""
    applied = documents(texts[KUSTOMIZATION])[0]["resources"]
    if unlisted := {*texts} - {*applied, KUSTOMIZATION}:
        return [f"{KUSTOMIZATION} doesn't list {', '.join(sorted(unlisted))}"]
    found = [document for name in applied for document in documents(texts[name])]
    first, twin = (_pods(name, found) for name in ("mailroom", "mailroom-twin"))
    return [
        *(f"{pods.name}: {what}" for pods in (first, twin) for what in _of_pods(pods)),
        *_of_both(first, twin),
        *_of_services(_kind("Service", found), (first, twin)),
        *_of_budgets(_kind("PodDisruptionBudget", found), (first, twin)),
    ]


def _kind(kind: str, found: Sequence[Document]) -> list[Document]:
    return [each for each in found if each["kind"] == kind]


def _pods(name: str, found: Sequence[Document]) -> Pods:
    (chosen,) = (each for each in _kind("StatefulSet", found) if each["metadata"]["name"] == name)
    container = chosen["spec"]["template"]["spec"]["containers"][0]
    maps = {each["metadata"]["name"]: each["data"] for each in _kind("ConfigMap", found)}
    settings: dict[str, str] = {}
    for source in container["envFrom"]:
        settings |= maps[source["configMapRef"]["name"]]
    return Pods(chosen, settings | {each["name"]: each["value"] for each in container["env"]})


def _of_pods(pods: Pods) -> Iterator[str]:
    """Its shards, its settings, and what is the same in every StatefulSet."""
    spec = pods.set["spec"]
    try:
        if [each.number for each in pods.shards()] != [*range(pods.shards()[0].of)]:
            yield f"{pods.replicas} replicas are not the shards of {pods.settings['MAILROOM_SHARD']}"
    except ValueError as wrong:
        yield f"MAILROOM_SHARD {wrong}"
    if not _selects(spec["selector"]["matchLabels"], pods.labels):
        yield "its selector is not about its pods"
    if spec["podManagementPolicy"] != "Parallel":
        yield "one pod waits for the other"
    yield from _of_rights(pods)
    yield from _of_settings(pods.settings)
    yield from _of_ports(pods)
    yield from _of_the_folder(pods)
    yield from _of_neighbours(pods)


NO_RIGHTS = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def _of_rights(pods: Pods) -> Iterator[str]:
    """What the Pod Security Standard `restricted` wants, and what Mailroom can do without."""
    pod, security = pods.pod, pods.pod["securityContext"]
    if pod["enableServiceLinks"] or pod["automountServiceAccountToken"]:
        yield "its pods are given more than they need"
    if security["seccompProfile"] != {"type": "RuntimeDefault"} or pods.container["securityContext"] != NO_RIGHTS:
        yield "its pods have rights that they don't need"
    user = re.findall(r"^USER (\d+):(\d+)$", (PROJECT / "Containerfile").read_text(), re.MULTILINE)
    if not security["runAsNonRoot"] or [(str(security["runAsUser"]), str(security["runAsGroup"]))] != user:
        yield "its user is not the image's"


def _of_settings(settings: Mapping[str, str]) -> Iterator[str]:
    fields = {name.removeprefix(PREFIX).lower(): value for name, value in settings.items() if name.startswith(PREFIX)}
    known = {*ProcessSettings.model_fields, "page_proxy_secret" + FILE_ENDING}
    if unknown := sorted({*fields} - known):
        yield f"no settings of a process: {', '.join(unknown)}"
        return
    try:
        # The host's name is looked at above.
        ProcessSettings.model_validate({name: value for name, value in fields.items() if name != "shard"})
    except ConfigError as invalid:
        yield from invalid.problems


def _of_ports(pods: Pods) -> Iterator[str]:
    ports = {each["name"]: each["containerPort"] for each in pods.container["ports"]}
    if str(ports.get("health")) != pods.settings.get("MAILROOM_HEALTH_PORT", "8080"):
        yield "its port health is not MAILROOM_HEALTH_PORT"
    paths = {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
    for probe, path in paths.items():
        asked = pods.container[probe]["httpGet"]
        if (asked["path"], asked["port"]) != (path, "health"):
            yield f"its {probe} doesn't ask for {path} on the port health"


def _of_the_folder(pods: Pods) -> Iterator[str]:
    mounts = pods.container["volumeMounts"]
    if [each["mountPath"] for each in mounts] != [pods.settings["MAILROOM_ACCOUNTS"]]:
        yield "what it mounts is not MAILROOM_ACCOUNTS"
    if any("subPath" in each or "subPathExpr" in each for each in mounts):
        yield "a subPath stays as it was when the pod started"
    volumes = {each["name"]: each for each in pods.pod["volumes"]}
    if [each["name"] for each in mounts] != [*volumes]:
        yield "its volumes are not those that it mounts"
    for volume in volumes.values():
        if volume["projected"]["defaultMode"] & 0o007:
            yield "others can read its files, and Mailroom refuses secrets in those"
        elif pods.pod["securityContext"]["fsGroup"] != pods.pod["securityContext"]["runAsGroup"]:
            yield "its user can't read its files"


def _of_neighbours(pods: Pods) -> Iterator[str]:
    """First and twin of a shard are on two nodes."""
    for term in pods.pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]:
        if term["labelSelector"]["matchLabels"] != {NAME: "mailroom"} or term["matchLabelKeys"] != [INDEX]:
            yield "it keeps away from others than the pods of its shard"
        if term["topologyKey"] != "kubernetes.io/hostname":
            yield "it keeps away from more, or less, than a node"


def _of_both(first: Pods, twin: Pods) -> Iterator[str]:
    """They differ in nothing but what makes the one stand by the other."""
    own = {"MAILROOM_STANDBY_SECONDS": twin.settings.get("MAILROOM_STANDBY_SECONDS", "")}
    if twin.settings != {**first.settings, **own} or "MAILROOM_STANDBY_SECONDS" in first.settings:
        yield "first and twin have different settings, or not just the twin stands by"
    elif float(own["MAILROOM_STANDBY_SECONDS"] or 0) <= 0:
        yield "the twin doesn't stand by"
    if first.labels[COMPONENT] == twin.labels[COMPONENT]:
        yield "first and twin have the same labels"
    alike = [
        {**pods.set["spec"], "selector": None, "template": None}
        | {"pod": {**pods.pod, "containers": [{**pods.container, "env": None}]}}
        for pods in (first, twin)
    ]
    if alike[0] != alike[1]:
        yield "first and twin are not alike"


def _of_services(services: Sequence[Document], both: tuple[Pods, Pods]) -> Iterator[str]:
    """The governing one finds all pods, by a port that they have."""
    by_name = {each["metadata"]["name"]: each["spec"] for each in services}
    for pods in both:
        governing = by_name.get(pods.set["spec"]["serviceName"])
        if governing is None or governing["clusterIP"] != "None":
            yield f"{pods.name}: its serviceName is no headless Service"
            continue
        if not _selects(governing["selector"], pods.labels):
            yield f"{pods.name}: the Service doesn't find its pods"
        if not {each["targetPort"] for each in governing["ports"]} <= {
            each["name"] for each in pods.container["ports"]
        }:
            yield f"{pods.name}: the Service leads to a port that it hasn't"


def _of_budgets(budgets: Sequence[Document], both: tuple[Pods, Pods]) -> Iterator[str]:
    """Each shard has one, about its two pods, which leaves one of them."""
    for number in range(max(pods.replicas for pods in both)):
        labels = [{**pods.labels, INDEX: str(number)} for pods in both]
        of_it = [
            each["spec"]
            for each in budgets
            if all(_selects(each["spec"]["selector"]["matchLabels"], it) for it in labels)
        ]
        if [each["minAvailable"] for each in of_it] != [1]:
            yield f"shard {number} has no budget of its own that leaves one of its pods"
    if len(budgets) > max(pods.replicas for pods in both):
        yield "there are more budgets than shards"


def _selects(selector: Labels, labels: Labels) -> bool:
    return selector.items() <= labels.items()
