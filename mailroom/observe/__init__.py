"""What an account knows of itself, and how it is told: health, metrics, heartbeat, log.

May import contacts and what lies below it; it changes nothing.
"""
