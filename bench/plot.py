"""The figures as a picture: seconds over senders for each server, and push to filed over the network's delay."""

from pathlib import Path
from typing import Any

from bench.comparison import Comparison
from bench.latency import Latency
from bench.passes import PassFigures
from bench.report import Report, of_kind
from bench.targets import allowed_seconds

COLOURS = {0: "#2a7f62", 20: "#2f6db3", 100: "#b3432f"}
OTHER_COLOUR = "#555555"
MAILS_EACH = 10


class NoPlotter(Exception):
    """matplotlib is missing; the message says how to get it."""


def draw(report: Report, file: Path) -> bool:
    """Write the picture as PNG; returns whether there was anything to draw. Raises `NoPlotter`."""
    passes = [each for each in of_kind(report.figures, PassFigures) if each.load.mails_each == MAILS_EACH]
    latencies = tuple(each for each in of_kind(report.figures, Latency) if not each.taps.hostile_clients)
    servers = list(dict.fromkeys(each.server for each in passes))
    count = len(servers) + bool(latencies)
    if not count:
        return False
    plots = _matplotlib()
    figure, grid = plots.subplots(1, count, figsize=(5.2 * count, 5.4), squeeze=False, layout="constrained")
    title = f"Mailroom {report.machine.commit}, {report.machine.day.isoformat()}, {report.machine.cores} cores"
    figure.suptitle(title, fontsize=13)
    rows = grid[0]
    for axes, server in zip(rows, servers, strict=False):
        compared = [each for each in of_kind(report.figures, Comparison) if each.server == server]
        _draw_passes(axes, [each for each in passes if each.server == server], compared)
    _share_height(rows[: len(servers)])
    if latencies:
        _draw_latencies(rows[-1], latencies)
    figure.savefig(file, dpi=100)
    plots.close(figure)
    return True


def _matplotlib() -> Any:
    try:
        import matplotlib
    except ImportError:
        raise NoPlotter("no plot, because matplotlib is missing: pip install -e '.[bench]'") from None
    matplotlib.use("agg")  # no screen is needed
    from matplotlib import pyplot

    return pyplot


def _draw_passes(axes: Any, passes: list[PassFigures], compared: list[Comparison]) -> None:
    for delay in sorted({each.network.round_trip_ms for each in passes}):
        points = sorted((each for each in passes if each.network.round_trip_ms == delay), key=_senders)
        senders, seconds = [each.load.senders for each in points], [each.seconds for each in points]
        spread = [
            [each.seconds - each.quickest_seconds for each in points],
            [each.slowest_seconds - each.seconds for each in points],
        ]
        colour = COLOURS.get(delay, OTHER_COLOUR)
        axes.errorbar(senders, seconds, spread, color=colour, marker="o", capsize=3, label=f"Mailroom, {delay} ms")
    for each in compared:
        delay = each.network.round_trip_ms
        axes.scatter(
            [each.load.senders],
            [each.straight_seconds],
            color=COLOURS.get(delay, OTHER_COLOUR),
            marker="X",
            s=80,
            zorder=3,
            label=f"straightforward, {delay} ms ({each.ratio:.0f}x)",
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_title(f"One pass: {passes[0].server} ({passes[0].contacts} contacts)", fontsize=11)
    axes.set_xlabel(f"senders with {MAILS_EACH} mails each")
    axes.set_ylabel("seconds (median; bars: min to max)")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(loc="upper left", fontsize=8)


def _senders(figures: PassFigures) -> int:
    return figures.load.senders


def _share_height(rows: Any) -> None:
    """The same seconds at the same height, with room for the legend above."""
    lows, highs = zip(*(axes.get_ylim() for axes in rows), strict=True) if len(rows) else ((1,), (1,))
    for axes in rows:
        axes.set_ylim(min(lows), max(highs) * 12)


def _draw_latencies(axes: Any, latencies: tuple[Latency, ...]) -> None:
    rests = sorted({each.taps.rest_seconds for each in latencies})
    delays = sorted({each.network.round_trip_ms for each in latencies})
    width = 0.8 / len(rests)
    for number, rest in enumerate(rests):
        found = [each for each in latencies if each.taps.rest_seconds == rest]
        places = [delays.index(each.network.round_trip_ms) + (number - (len(rests) - 1) / 2) * width for each in found]
        heights = [each.median_seconds * 1000 for each in found]
        spread = [
            [(each.median_seconds - min(each.seconds)) * 1000 for each in found],
            [(max(each.seconds) - each.median_seconds) * 1000 for each in found],
        ]
        label = f"labels {rest:g} s apart"
        bars = axes.bar(
            places, heights, width * 0.9, yerr=spread, capsize=3, label=label, color=("#8fb8de", "#d9b38c")[number % 2]
        )
        axes.bar_label(bars, fmt="%.0f", label_type="center", fontsize=9)
    aims = {each.network.round_trip_ms: allowed_seconds(each) * 1000 for each in latencies}
    for place, delay in enumerate(delays):
        aim = "aim: 4 round trips + 150 ms" if place == 0 else None
        axes.plot([place - 0.45, place + 0.45], [aims[delay]] * 2, color="black", linestyle="--", label=aim)
    axes.set_title(f"Push to filed, without the debounce: {latencies[0].server}", fontsize=11)
    axes.set_xlabel("round trip between daemon and server, ms")
    axes.set_ylabel("milliseconds (median; bars: min to max)")
    axes.set_xticks(range(len(delays)), [str(delay) for delay in delays])
    axes.grid(visible=True, axis="y", alpha=0.3)
    axes.legend(loc="upper left", fontsize=9)
