"""Mailroom: a sender screener for JMAP mailboxes."""

__version__ = "0.1.0"
