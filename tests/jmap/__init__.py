"""Tests of the JMAP client."""
