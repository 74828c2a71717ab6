"""Benchmarks, run by `just bench`: how many requests and seconds a pass takes, what an idle daemon costs."""
