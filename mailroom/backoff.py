"""How long to wait after failures in a row."""


def backoff(failures: int, *, base: float = 1.0, longest: float) -> float:
    """Seconds before the next try: `base`, doubled each time, up to `longest`. `failures` counts from 1."""
    # The exponent stops where every sensible `longest` is reached; without that a float overflows after weeks.
    return min(longest, base * 2.0 ** min(failures - 1, 30))
