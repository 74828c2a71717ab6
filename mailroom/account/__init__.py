"""One account at work: its servers, push reader and triage loop, in a nursery of its own.

May import triage and what lies below it; knows no other account and no process.
"""
