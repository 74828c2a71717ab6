"""The command line: what there is to run, and how errors end it; one file a command (`main.py` lists them).

Libraries that take long to import are imported by the command that needs them.
"""
