"""Random inputs for all that comes from outside: each gives a value, or an error of the tree with a clear text.

One file a kind. Among the other tests two thousand inputs run, the same ones every time: a commit is
judged by what it changes, not by luck. `just fuzz` runs a million that differ each time. A finding becomes a test with
a name, next to the room that it is about.
"""
