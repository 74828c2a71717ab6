"""What goes wrong around a daemon, as one table: `just faults` plays it and prints fault, expected, seen."""
