"""What an owner asks for and does outside a pass: who waits, who is where, one tap, taking it back.

For commands and page alike; may import triage and what lies below it.
"""
