"""What was seen of a fault in plain words, and what of it is not as expected."""

from collections.abc import Iterator

from tests.faults.fault import Fault
from tests.faults.in_process import POLL_INTERVAL, Play
from tests.faults.observed import Line, lies, matching


def problems(fault: Fault, played: Play) -> list[str]:
    """Nothing, if all is as the fault's row says."""
    return [*_told(fault, played), *_health(fault, played), *_work(fault, played), *_end(fault, played)]


def seen(fault: Fault, played: Play) -> str:
    """What happened, in the words of the log and of /healthz, with figures."""
    parts = [*_seen_log(fault, played), _seen_work(played), _seen_health(played)]
    parts.append(f"at most {played.requests.most_per_minute(played.struck, played.over)} requests/min")
    return "; ".join(part for part in parts if part)


def _lines(played: Play) -> list[Line]:
    """While there was the fault."""
    timed = zip(played.log.at, played.log.lines, strict=True)
    return [line for at, line in timed if played.struck <= at <= played.over]


def _told(fault: Fault, played: Play) -> Iterator[str]:
    lines = _lines(played)
    for told in fault.told:
        if not matching(lines, told):
            yield f"the log doesn't tell {told.event} with {told.text!r}"
    for line in played.log.lines:
        if "exception" in line:
            yield f"a traceback in the log: {line['exception'][-300:]}"


def _health(fault: Fault, played: Play) -> Iterator[str]:
    if not fault.setup.lost_log:
        yield from sorted(set(lies(played.answers, played.log, played.daemon.started, POLL_INTERVAL)))
    answer = played.at_the_end
    if answer is None:
        return
    if answer.is_healthy != fault.healthy:
        yield f"health said {answer.health['status']} at the end"
    if fault.push not in (None, answer.push):
        yield f"health said that push is {answer.push}"
    if answer.health["senders_failing"] != fault.senders_failing:
        yield f"health said that {answer.health['senders_failing']} senders fail"
    if fault.push_error not in str(answer.health["eventsource"]["last_error"]):
        yield f"health said that push's last error is {answer.health['eventsource']['last_error']}"


def _work(fault: Fault, played: Play) -> Iterator[str]:
    if played.filed is None:
        yield "the labelled mail was not filed in time"
    elif (played.filed < played.over) != fault.filed:
        yield f"the labelled mail was filed {'during' if played.filed < played.over else 'only after'} the fault"
    if played.heard is None:
        yield "a label after it all was not heard"
    yield from played.complaints
    most = played.requests.most_per_minute(played.struck, played.over)
    if most > fault.most_per_minute:
        yield f"{most} requests in a minute, at most {fault.most_per_minute} wanted"


def _end(fault: Fault, played: Play) -> Iterator[str]:
    ended_by = played.daemon.ended_by
    if fault.ends not in ended_by or bool(fault.ends) != bool(ended_by):
        yield f"the daemon ended: {ended_by or 'no'}"


def _seen_log(fault: Fault, played: Play) -> Iterator[str]:
    lines = _lines(played)
    for told in fault.told:
        found = matching(lines, told)
        text = next((str(value) for line in found for value in line.values() if told.text in str(value)), "")
        if found:
            yield f"{told.event} {len(found)} times" + (f" ({_around(told.text, text)})" if told.text else "")
    if played.daemon.ended_by:
        yield f"ended: {played.daemon.ended_by}"


def _around(wanted: str, text: str) -> str:
    """A text without what comes long before or after the part that counts."""
    start = max(0, text.index(wanted) - 10)
    return ("…" if start else "") + text[start : start + 60]


def _seen_work(played: Play) -> str:
    if played.filed is None:
        return "not filed"
    if played.filed < played.over:
        return f"filed {played.filed - played.struck:.0f} s after the fault struck"
    return f"filed {played.filed - played.over:.0f} s after the end"


def _seen_health(played: Play) -> str:
    answer = played.at_the_end
    red = [each.at for each in played.answers if not each.is_healthy]
    health = f"health red after {red[0] - played.struck:.0f} s" if red else "health green"
    return health + (f", push {answer.push}" if answer else "")
