"""What is to happen, worked out from what was read. Pure: no I/O, no clock, no log, no settings.

May import the data of contacts, jmap and config.
"""
