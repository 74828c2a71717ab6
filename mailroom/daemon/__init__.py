"""The process: which accounts it runs, how it starts and how it ends.

May import account, page and what lies below them; only the command line imports it.
"""
