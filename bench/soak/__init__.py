"""Endurance: daemon and sandbox with a scripted user, for a simulated week and for real minutes."""
