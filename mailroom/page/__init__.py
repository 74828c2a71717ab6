"""The web page for the owner: who waits, one tap each. One file a view.

May import account and what lies below it; the daemon alone imports it. It keeps nothing but what a browser brings.
"""
