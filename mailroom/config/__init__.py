"""What comes from outside, checked: settings, scheme, accounts.

May import errors and urls alone.
"""
