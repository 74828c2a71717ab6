"""The benchmarks still work, and notice a pass that left something undone; nothing here is timed."""

import io
import platform
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
import trio
from click.testing import CliRunner
from pydantic import SecretStr
from rich.console import Console

from bench import __main__ as command
from bench import suite
from bench.comparison import Comparison, StraightRun
from bench.ending import read_ending
from bench.idle import IdleFigures, Watch
from bench.latency import Latency, Taps
from bench.load import Load
from bench.machine import PROJECT, this_machine
from bench.network import NO_DELAY, Network, through_proxy
from bench.passes import PassFigures, PassRun, labelled_account, run_pass
from bench.report import Report, markdown, show
from bench.sandbox_process import filled
from bench.storm import Storm
from bench.targets import targets
from mailroom.config.account_settings import AccountSettings
from tests.guard import GUARD_SECONDS
from tests.screener import served

SMALLEST = replace(
    suite.QUICK,
    loads={Load(2, 3): (NO_DELAY,)},
    compared={Load(7, 2): (NO_DELAY,)},
    screening=suite.Screening({Load(new=3): ((NO_DELAY, 1),)}, Load(new=1, sent=2), 1, Load(marked=3), 1),
    taps={NO_DELAY: (Taps(1, 0), Taps(1, 0, hostile_clients=5))},
    storm=Storm(200, 0),
    watch=Watch(0, 0.1),
    big_sender=None,
    big_book=Load(2, 1, cards=3),
)


@dataclass(frozen=True)
class Here:
    """A sandbox in the test's own event loop: nothing has to start."""

    name: str = "sandbox"
    contacts: str = "JMAP"

    @asynccontextmanager
    async def account(self, load: Load) -> AsyncIterator[AccountSettings]:
        sandbox = filled(load)
        async with served(sandbox) as url:
            yield AccountSettings(jmap_session_url=str(url), jmap_token=SecretStr(sandbox.token))


HERE = Here()
TITLES = ("One pass", "Against the", "New mail", "Passes without", "Push to filed", "A storm", "An idle", "Memory of a")
RUN = PassRun(requests=4, connections=0, seconds=0.5, cpu_seconds=0.1, idle_requests=1)


@pytest.mark.exhaustive
async def test_every_part_is_measured_and_reported() -> None:
    work = suite.work_on(HERE, SMALLEST, frozenset(suite.PARTS))
    assert {job.part for _, job in work} == set(suite.PARTS)
    figures: list[suite.Figures] = []

    async def do(job: suite.Job) -> None:
        figures.append(await job.measure())

    # Side by side, as nobody looks at the seconds.
    with trio.fail_after(GUARD_SECONDS):
        async with trio.open_nursery() as nursery:
            for _, job in work:
                nursery.start_soon(do, job)
    text = markdown(Report(this_machine(), tuple(figures), ("Cyrus, because it is missing",)))
    assert text.startswith("# Benchmarks of ")
    assert "| sandbox, JMAP | 2 | 6 | 0 | 1 | 4 | 0 |" in text
    # Seven senders: 4 requests to begin, 5 for each.
    assert f"| {4 + 7 * 5} |" in text
    # Three mails: 4 requests to begin, 3 for each; ours are 3 in all.
    assert "| sandbox, JMAP | 3 | 0 | 0 | 1 | 3 |" in text
    assert f"| {4 + 3 * 3} |" in text
    for title in (*TITLES, "Targets"):
        assert f"\n## {title}" in text
    assert "Left out: Cyrus, because it is missing." in text


async def test_two_accounts_that_differ_are_told_apart() -> None:
    load = Load(1, 2)
    with trio.fail_after(GUARD_SECONDS):
        async with labelled_account(HERE, load) as settings:
            before = await read_ending(settings)
            await run_pass(settings, load)
            after = await read_ending(settings)
    sender = "news@shop0.example"
    assert before.mails == {(sender, frozenset({"Screener"})): 1, (sender, frozenset({"Screener", "@ToImbox"})): 1}
    assert after.mails == {(sender, frozenset({"Imbox", "Inbox"})): 2}
    assert (before.cards, before.groups["Imbox"]) == ({}, frozenset())
    assert after.groups["Imbox"] == after.groups["Mailroom"] == {sender}
    name, note = after.cards[sender]
    assert (name, "Created by Mailroom" in note) == ("Shop Number 0", True)


async def test_a_pass_that_leaves_mail_behind_is_no_result() -> None:
    load = Load(1, 1)
    with trio.fail_after(GUARD_SECONDS):
        async with HERE.account(load) as settings:
            with pytest.raises(RuntimeError, match="did not settle"):
                await run_pass(settings, load)


async def test_the_network_lies_before_every_server() -> None:
    with trio.fail_after(GUARD_SECONDS):
        async with HERE.account(Load(1, 0)) as settings:
            changed = {"carddav_url": settings.jmap_session_url.replace("/jmap/session", "/")}
            both = settings.model_copy(update=changed)
            async with through_proxy(both, Network(1)) as far:
                assert far.carddav_url is not None
                ports = {httpx.URL(url).port for url in (far.jmap_session_url, far.carddav_url)}
                assert ports.isdisjoint({httpx.URL(settings.jmap_session_url).port})
                with pytest.raises(RuntimeError, match="did not settle"):
                    await run_pass(far, Load(1, 0))


def failing(reason: Exception) -> suite.Job:
    async def fail() -> Latency:
        raise reason

    return suite.Job("latency", "labels", fail)


def test_a_part_that_fails_is_reported_and_stops_no_other() -> None:
    told: list[str] = []

    async def succeed() -> Latency:
        return LATENCY

    reasons = (
        RuntimeError("no label"),
        trio.TooSlowError(),
        ExceptionGroup("of a nursery", [ExceptionGroup("of another", [trio.BusyResourceError("two write")])]),
    )
    jobs = [*map(failing, reasons), suite.Job("latency", "labels", succeed)]
    figures, failed = suite.measure([(HERE, job) for job in jobs], told.append)
    assert figures == [LATENCY]
    assert failed == [
        "sandbox: labels: RuntimeError: no label",
        "sandbox: labels: TooSlowError",
        "sandbox: labels: BusyResourceError: two write",
    ]
    assert told[0] == "1/4 sandbox: labels"
    assert told[-1] == "4/4 sandbox: labels"


LATENCY = Latency("sandbox", Network(100), Taps(3, 0.8), (0.4, 0.55, 0.9))


@pytest.mark.parametrize(
    ("figures", "figure", "met"),
    [
        (LATENCY, "debounce + 550 ms", True),
        (replace(LATENCY, seconds=(0.1, 0.56, 0.9)), "debounce + 560 ms", False),
        (replace(LATENCY, taps=Taps(3, 0.8, hostile_clients=50)), "debounce + 550 ms", True),
        (IdleFigures("sandbox", 1, 60, 1.0, 79.9, 0.31), "0.31 % of a core", False),
        (IdleFigures("sandbox", 1, 60, 1.0, 80.0, 0.29), "0.29 % of a core", True),
        (Comparison("s", "JMAP", Load(50, 10), NO_DELAY, ((RUN, StraightRun(254, 4.0)),)), "8.0 times", True),
        (Comparison("s", "JMAP", Load(50, 10), Network(100), ((RUN, StraightRun(254, 12.4)),)), "24.8 times", False),
    ],
)
def test_a_target_says_whether_it_is_met(figures: suite.Figures, figure: str, met: bool) -> None:
    assert (targets([figures])[0].figure, targets([figures])[0].met) == (figure, met)


def test_a_load_without_an_aim_has_no_target() -> None:
    small = Comparison("s", "JMAP", Load(5, 3), NO_DELAY, ((RUN, StraightRun(29, 0.1)),))
    assert targets([small, PassFigures("s", "JMAP", Load(1, 1), NO_DELAY, (RUN,))]) == ()


def test_what_was_missed_is_said_last() -> None:
    shown = io.StringIO()
    missed = replace(LATENCY, seconds=(0.7,))
    show(Report(this_machine(), (LATENCY, missed), ("Cyrus, because it is missing",)), Console(file=shown, width=160))
    *_, kept, last = shown.getvalue().splitlines()
    assert kept == "1 of 2 targets met."
    assert last.startswith("MISSED: push to filed, 100 ms, labels 0.8 s apart: debounce + 700 ms, aim: ")
    assert "Left out: Cyrus, because it is missing." in shown.getvalue()
    assert "One pass" not in shown.getvalue()


def test_a_report_tells_no_host_name_and_no_path() -> None:
    text = markdown(Report(this_machine(), ()))
    assert platform.node() not in text
    assert str(PROJECT) not in text


def test_a_part_that_there_is_not_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(command.main, ["--only", "passes,nonsense", "--results", str(tmp_path / "new")])
    assert result.exit_code == 2
    assert "there is no part nonsense" in result.output
    assert not (tmp_path / "new").exists()


@pytest.mark.exhaustive
def test_a_part_alone_writes_a_page_named_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "SANDBOX", replace(SMALLEST, loads={Load(2, 10): (NO_DELAY,)}))
    result = CliRunner().invoke(
        command.main, ["--sandbox-only", "--only", "passes", "--results", str(tmp_path)], catch_exceptions=False
    )
    assert result.exit_code == 0
    (page,) = tmp_path.glob("*-passes.md")
    assert "## One pass" in page.read_text()
    if find_spec("matplotlib") is None:
        assert "pip install -e '.[bench]'" in result.output
    else:
        assert f"]({page.stem}.png)" in page.read_text()
        assert (tmp_path / f"{page.stem}.png").read_bytes().startswith(b"\x89PNG")
