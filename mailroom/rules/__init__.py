"""Rules for mail yet to come, for the mail server to run: made of the categories, as pure text."""
