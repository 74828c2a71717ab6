"""Numbers of things, as people read them."""


def plural(number: int, what: str) -> str:
    """Such as `1 mail`, `0 mails`, `1,234 mails`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
