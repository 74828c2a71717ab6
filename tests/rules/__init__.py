"""Tests of the rules for mail yet to come."""
