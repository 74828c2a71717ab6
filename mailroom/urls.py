"""What a url may be."""

import ipaddress

MAX_PORT = 65_535


def is_loopback(host: str) -> bool:
    """Whether a host, by name or number, is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
