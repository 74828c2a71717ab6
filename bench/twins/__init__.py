"""Two daemons on one folder of accounts, the first of which is killed, frozen, stopped and cut off, again and again."""
