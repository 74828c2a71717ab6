"""When a test counts as hanging, and when as idle."""

GUARD_SECONDS = 240
"""Ends a test that waits for what never comes, and shows where; pytest's own timeout is a minute later.

Nothing is proven by it: what takes a second on an idle machine may take a minute on a busy one.
"""

IDLE_SECONDS = 0.005
"""For so long, in real time, nothing must come over any socket before a clock jumps.

A busy machine delivers even what goes over loopback a moment after it was sent (seen: a stream that was there already
had its test end by a deadline of a day).
"""
