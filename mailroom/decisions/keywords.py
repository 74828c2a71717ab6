"""The keywords on mail (RFC 8621 §4.1.1) that decisions go by: Mailroom's own, and those of mail apps (pure)."""

SEEN = "mailroom-seen"
"""Judged, or left to the user."""
WAITING = "mailroom-waiting"
"""In the Screener until somebody decides."""
FROM_INBOX = "mailroom-from-inbox"
"""Mailroom took it out of the Inbox, and reset brings it back there."""
FORGED = "mailroom-forged"
"""Screened for its sender is forged; no decision about the sender brings it out of the Screener."""
ALL_MARKS = frozenset({SEEN, WAITING, FROM_INBOX, FORGED})

DEALT_WITH = frozenset({"$seen", "$flagged", "$answered", "$draft", "$notjunk"})
"""The user has read it, or done something about it."""
