"""When a test counts as hanging."""

GUARD_SECONDS = 240
"""Ends a test that waits for what never comes, and shows where; pytest's own timeout is a minute later.

Nothing is proven by it: what takes a second on an idle machine may take a minute on a busy one.
"""
