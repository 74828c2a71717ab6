"""One pass: its requests in their order (scan, look up, apply, commit), and what is remembered between passes.

May import decisions and what lies below them; knows no push, no loop, no settings.
"""
