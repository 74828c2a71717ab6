"""Tests against real servers: Cyrus and Radicale."""
