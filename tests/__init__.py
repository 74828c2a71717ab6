"""Tests of Mailroom; one file per module."""
