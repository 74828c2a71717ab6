"""The benchmarks still work, and notice a pass that left something undone; nothing here is timed."""

import io
import platform
from dataclasses import replace

import pytest
import trio
from rich.console import Console

from bench.idle import Watch
from bench.load import Load
from bench.machine import PROJECT, this_machine
from bench.passes import run_pass
from bench.report import markdown, show
from bench.servers import SandboxServer
from bench.suite import QUICK, Measured, measure_sandbox, report

SMALLEST = replace(QUICK, loads=(Load(2, 3),), taps=1, watch=Watch(0, 0.1), big_sender=5)


async def test_the_quick_part_measures_everything_and_reports_it() -> None:
    told: list[str] = []
    with trio.fail_after(30):
        measured = await measure_sandbox(SMALLEST, told.append)
    (passes,), (latency,), (idle,) = measured.passes, measured.latencies, measured.idle
    (growth,) = measured.growth
    assert (passes.requests, passes.idle_requests) == (4, 1)
    assert passes.seconds > 0
    assert passes.cpu_seconds > 0
    assert latency.slowest_seconds > 0
    assert idle.start_seconds > 0
    assert idle.memory_mb > 10
    assert growth.peak_mb >= growth.before_mb > 10
    assert len(told) == 4
    text = markdown(report(this_machine(), (measured,), ("Cyrus, because it is missing",)))
    assert text.startswith("# Benchmarks of ")
    assert "| sandbox, JMAP | 2 | 6 | 1 | 4 |" in text
    assert "Skipped: Cyrus, because it is missing." in text


def test_a_report_tells_no_host_name_and_no_path() -> None:
    text = markdown(report(this_machine(), (Measured(),), ()))
    assert platform.node() not in text
    assert str(PROJECT) not in text


def test_a_report_without_figures_shows_no_empty_table() -> None:
    shown = io.StringIO()
    show(report(this_machine(), (Measured(),), ("Cyrus, because it is missing",)), Console(file=shown, width=120))
    assert "Skipped: Cyrus, because it is missing." in shown.getvalue()
    assert "One pass" not in shown.getvalue()


async def test_a_pass_that_leaves_mail_behind_is_no_result() -> None:
    load = Load(1, 1)
    with trio.fail_after(30):
        async with SandboxServer().account(load) as settings:
            with pytest.raises(RuntimeError, match="did not settle"):
                await run_pass(settings, load)
