"""The documents fit each other, Mailroom and its image; and whatever is spoilt in them is noticed."""

import re

import pytest

from mailroom.config.process_settings import ProcessSettings
from mailroom.urls import is_loopback
from tests.kubernetes.consistency import INDEX, complaints
from tests.kubernetes.manifests import PAGE, documents, examples, texts


def test_they_fit_each_other_mailroom_and_its_image() -> None:
    assert complaints(texts()) == []


@pytest.mark.parametrize(
    ("file", "right", "wrong", "complaint"),
    [
        ("kustomization.yaml", "  - twin.yaml\n", "", "kustomization.yaml doesn't list twin.yaml"),
        ("first.yaml", "replicas: 4", "replicas: 3", "mailroom: 3 replicas are not the shards of auto/4"),
        ("first.yaml", "replicas: 4", "replicas: 5", "mailroom-4, ends in 4, and the shards are 0 to 3"),
        ("twin.yaml", "auto/4", "auto/8", "mailroom-twin: 4 replicas are not the shards of auto/8"),
        ("twin.yaml", "auto/4", "auto", "mailroom-twin: MAILROOM_SHARD must be a shard and the number of shards"),
        (
            "first.yaml",
            "    matchLabels:\n      app",
            "    matchLabels:\n      a",
            "mailroom: its selector is not about",
        ),
        ("first.yaml", "Parallel", "OrderedReady", "mailroom: one pod waits for the other"),
        (
            "first.yaml",
            "enableServiceLinks: false",
            "enableServiceLinks: true",
            "its pods are given more than they need",
        ),
        ("first.yaml", "AccountToken: false", "AccountToken: true", "its pods are given more than they need"),
        ("twin.yaml", "RuntimeDefault", "Unconfined", "mailroom-twin: its pods have rights that they don't need"),
        ("twin.yaml", "- ALL", "- NET_RAW", "mailroom-twin: its pods have rights that they don't need"),
        ("first.yaml", "Filesystem: true", "Filesystem: false", "mailroom: its pods have rights that they don't need"),
        ("first.yaml", "Escalation: false", "Escalation: true", "mailroom: its pods have rights that they don't need"),
        ("first.yaml", "runAsNonRoot: true", "runAsNonRoot: false", "mailroom: its user is not the image's"),
        ("first.yaml", "runAsUser: 10001", "runAsUser: 1000", "its user is not the image's"),
        ("settings.yaml", "MAILROOM_LOG_LEVEL", "MAILROOM_LOGLEVEL", "no settings of a process: loglevel"),
        ("settings.yaml", "MAILROOM_LOG_LEVEL", "MAILROOM_JMAP_TOKEN", "no settings of a process: jmap_token"),
        ("settings.yaml", "LOG_LEVEL: info", "LOG_LEVEL: loud", "MAILROOM_LOG_LEVEL must be debug, info"),
        (
            "settings.yaml",
            "  MAILROOM_LOG_LEVEL",
            '  MAILROOM_HEALTH_PORT: "9"\n  MAILROOM_LOG_LEVEL',
            "its port health",
        ),
        ("first.yaml", "name: health", "name: web", "its port health is not MAILROOM_HEALTH_PORT"),
        ("first.yaml", "path: /readyz", "path: /livez", "its readinessProbe doesn't ask for /readyz"),
        ("twin.yaml", "port: health", "port: 8080", "mailroom-twin: its startupProbe doesn't ask for /livez"),
        ("first.yaml", "mountPath: /accounts", "mountPath: /data", "what it mounts is not MAILROOM_ACCOUNTS"),
        ("first.yaml", "readOnly: true", "readOnly: true\n              subPath: a", "a subPath stays as it was"),
        (
            "first.yaml",
            "- name: accounts\n          proj",
            "- name: files\n          proj",
            "its volumes are not those",
        ),
        ("first.yaml", "0440", "0444", "others can read its files"),
        ("first.yaml", "fsGroup: 10001", "fsGroup: 1000", "its user can't read its files"),
        (
            "twin.yaml",
            "pod-index",
            "pod-indices",
            "mailroom-twin: it keeps away from others than the pods of its shard",
        ),
        ("twin.yaml", "kubernetes.io/hostname", "topology.kubernetes.io/zone", "more, or less, than a node"),
        ("twin.yaml", "_STANDBY_SECONDS", "_POLL_INTERVAL", "no settings of a process: poll_interval"),
        ("twin.yaml", 'value: "5"', 'value: "0"', "the twin doesn't stand by"),
        (
            "first.yaml",
            "value: auto/4",
            'value: auto/4\n            - {name: MAILROOM_STANDBY_SECONDS, value: "5"}',
            "not just",
        ),
        ("twin.yaml", "component: twin", "component: first", "first and twin have the same labels"),
        ("twin.yaml", "memory: 640Mi", "memory: 512Mi", "first and twin are not alike"),
        ("service.yaml", "clusterIP: None", "clusterIP: 10.0.0.9", "its serviceName is no headless Service"),
        ("first.yaml", "serviceName: mailroom", "serviceName: mail", "its serviceName is no headless Service"),
        ("service.yaml", "selector:\n    app", "selector:\n    a", "mailroom-twin: the Service doesn't find its pods"),
        ("service.yaml", "targetPort: health", "targetPort: web", "the Service leads to a port that it hasn't"),
        ("budgets.yaml", 'pod-index: "2"', 'pod-index: "1"', "shard 2 has no budget of its own"),
        ("budgets.yaml", "minAvailable: 1", "minAvailable: 2", "shard 0 has no budget of its own that leaves one"),
        ("first.yaml", "replicas: 4", "replicas: 2", "mailroom: 2 replicas are not the shards of auto/4"),
    ],
)
def test_what_is_spoilt_is_noticed(file: str, right: str, wrong: str, complaint: str) -> None:
    shipped = texts()
    assert right in shipped[file]
    assert complaint in "\n".join(complaints({**shipped, file: shipped[file].replace(right, wrong)}))


def test_the_page_says_how_each_secret_is_made() -> None:
    used = {
        source["secret"]["name"]
        for name in ("first.yaml", "twin.yaml")
        for volume in documents(texts()[name])[0]["spec"]["template"]["spec"]["volumes"]
        for source in volume["projected"]["sources"]
    }
    assert used == set(re.findall(r"create secret generic ([\w-]+) --from-file", PAGE.read_text()))


def test_what_the_page_adds_to_the_settings_gives_each_shard_an_address_of_its_own() -> None:
    (variables,) = (found for text in examples() for found in documents(text) if isinstance(found, list))
    shard, *settings = variables
    assert shard["name"] == "SHARD"
    assert shard["valueFrom"]["fieldRef"]["fieldPath"] == f"metadata.labels['{INDEX}']"
    fields = {
        each["name"].removeprefix("MAILROOM_").lower(): each["value"].replace("$(SHARD)", "3") for each in settings
    }
    taken = ProcessSettings.model_validate(fields)
    assert taken.page_url == "https://mailroom-3.example.com"
    assert not is_loopback(taken.page_host)
    (service,) = (found for text in examples() for found in documents(text) if "apiVersion" in found)
    assert service["spec"]["selector"][INDEX] == "0"
    assert service["spec"]["ports"][0]["targetPort"] == taken.page_port
