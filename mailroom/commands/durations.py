"""How long something lasts, as people write it: `15m`, `2h`, `1h30m`."""

import re
from datetime import timedelta

LONGEST = timedelta(hours=24)

_DURATION = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,4})m)?", re.ASCII | re.IGNORECASE)


def read_duration(text: str) -> timedelta:
    """A duration of a minute to 24 hours. Raises `ValueError` that says what to write instead."""
    match = _DURATION.fullmatch(text.strip())
    hours, minutes = (int(part or 0) for part in match.groups()) if match else (0, 0)
    duration = timedelta(hours=hours, minutes=minutes)
    if not duration:
        raise ValueError(f"{text!r} is no duration: write 15m, 2h or 1h30m")
    if duration > LONGEST:
        raise ValueError(f"{text} is too long: 24h at most")
    return duration
