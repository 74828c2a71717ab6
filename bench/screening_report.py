"""The tables of what was measured with new mail."""

from bench.screening import IdlePasses, Judging

JUDGING_NOTE = (
    "Medians, measured in turn; each mail is a stranger's. The straightforward way judges one mail after the other, "
    "one request for each step: card, Sent, move (`bench/straightforward_screening.py`); both left mail in the same "
    "places. Beside the ratio of the medians are the least and the greatest ratio of a pair."
)
JUDGING_COLUMNS = (
    *("server, contacts", "new mails", "in Sent", "delay ms", "runs", "requests", "seconds", "straight requests"),
    *("straight seconds", "ratio", "min to max"),
)


def judging_row(each: Judging) -> tuple[str, ...]:
    return (
        f"{each.server}, {each.contacts}",
        f"{each.load.new:,}",
        f"{each.load.sent:,}",
        f"{each.network.round_trip_ms}",
        f"{len(each.ours)}",
        f"{each.ours[0].requests}",
        f"{each.ours_seconds:.3f}",
        *(_straight(each) if each.straight else ("", "", "", "")),
    )


def _straight(each: Judging) -> tuple[str, ...]:
    return (
        f"{each.straight[0].requests}",
        f"{each.straight_seconds:.3f}",
        f"{each.ratio:.1f}",
        f"{each.ratios[0]:.1f} to {each.ratios[-1]:.1f}",
    )


IDLE_PASSES_NOTE = "Medians, measured in turn, without delay. What screening costs in a day is with a poll each minute."
IDLE_PASSES_COLUMNS = ("server", "judged mails", "passes", "with screening ms", "without ms", "screening s a day")


def idle_passes_row(each: IdlePasses) -> tuple[str, ...]:
    return (
        each.server,
        f"{each.load.marked:,}",
        f"{each.runs}",
        f"{each.on_seconds * 1000:.1f}",
        f"{each.off_seconds * 1000:.1f}",
        f"{each.seconds_a_day:.0f}",
    )
