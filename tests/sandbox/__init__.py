"""Tests of the sandbox; one file per module."""
