"""What a soak measured, and what it must be (pure)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import linear_regression

from bench.soak.player import RoundEnd

MAX_GROWTH_MB = 3.0
"""From the end of the first round to that of the last. The daemon keeps its contact groups' members, some 100 kB for a
thousand senders, and the allocator moves by a megabyte or two; of a leak of 10 kB a pass there would be ten."""

MAX_OPEN_FILES_MORE = 2
"""A connection may be just closing while the next one opens."""

MAX_OBJECTS_MORE = 100
"""Of some 750. The last look-up is kept: the groups, and the cards of the senders that it was for. One object more for
each of the 1,440 passes of a day would be far over it on the first day."""

IDLE_SLACK = 12
"""Requests of an idle time beyond the polls: push that connects anew, the pass that it rings for, a monitor's delay."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The daemon at one moment: seconds since its start, resident memory in units of 1,000,000 bytes, descriptors."""

    at: float
    memory_mb: float
    open_files: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What the daemon says of itself at the end."""

    passes: int
    failed_passes: int
    senders_triaged: int
    mails_filed: int
    reconnects: int
    health: str
    senders_failing: int


def slope_per_hour(samples: tuple[Sample, ...]) -> float:
    """By how many MB memory grows in an hour, along the line that fits best."""
    if len(samples) < 2:
        return 0.0
    return 3600 * linear_regression([each.at for each in samples], [each.memory_mb for each in samples]).slope


def most_idle_requests(end: RoundEnd, poll_interval: float) -> float:
    """The requests that an idle daemon may make: one for each poll, and few for the rest."""
    return end.idle_seconds / poll_interval * 1.1 + IDLE_SLACK


def round_problems(ends: tuple[RoundEnd, ...], rounds: int, poll_interval: float) -> list[str]:
    """What was not as promised at the ends of the rounds."""
    found = [] if len(ends) == rounds else [f"{len(ends)} of {rounds} rounds were played"]
    for end in ends:
        found += [f"round {end.number}: {problem}" for problem in end.problems]
        if end.idle_requests > (most := most_idle_requests(end, poll_interval)):
            idle = f"{end.idle_requests} requests in {end.idle_seconds:.0f} idle seconds"
            found.append(f"round {end.number}: {idle}, not at most {most:.0f}")
    return found


def count_problems(counts: Counts) -> list[str]:
    found = [] if counts.health == "ok" else [f"health is {counts.health} in the end"]
    if counts.senders_failing:
        found.append(f"{counts.senders_failing} senders fail in the end")
    if not counts.passes or not counts.senders_triaged:
        found.append("the daemon did nothing")
    return found


def growth_problems(first: Sample, last: Sample) -> list[str]:
    found = []
    if (grown := last.memory_mb - first.memory_mb) > MAX_GROWTH_MB:
        found.append(f"memory grew by {grown:.1f} MB, from {first.memory_mb:.1f} MB; flat is {MAX_GROWTH_MB:g} MB")
    if (more := last.open_files - first.open_files) > MAX_OPEN_FILES_MORE:
        found.append(f"{more} more open files in the end than {first.open_files} after the first round")
    return found


def object_problems(first: Counter[str], last: Counter[str]) -> list[str]:
    more = last.total() - first.total()
    if more <= MAX_OBJECTS_MORE:
        return []
    most = ", ".join(f"{name} +{number}" for name, number in (last - first).most_common(5))
    return [f"{more} more objects in the end than after the first round: {most}"]


def left_over(what: str, before: Counter[str], after: Counter[str]) -> list[str]:
    """What was not there before."""
    return [f"{what} left over: {name} ({number})" for name, number in sorted((after - before).items())]


def crashes_in(lines: Iterable[Mapping[str, object]]) -> list[str]:
    """Log lines (as JSON) of what nobody thought of: each has a traceback or a high level."""
    odd = Counter(
        f"the log tells {line['event']}" + (f": {str(line['exception'])[-300:]}" if "exception" in line else "")
        for line in lines
        if "exception" in line or line["level"] in ("error", "critical")
    )
    return [f"{what} ({times} times)" for what, times in sorted(odd.items())]
