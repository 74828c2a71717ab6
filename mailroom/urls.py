"""What a url may be, and the one place where a server's text becomes one."""

import ipaddress

import httpx

from mailroom.errors import BadReply

MAX_PORT = 65_535
_LONGEST_LABEL = 63
"""Of a host name (RFC 1035 §2.3.4): Python raises no OSError for a longer one."""


def is_loopback(host: str) -> bool:
    """Whether a host, by name or number, is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def url_of(text: str, base: httpx.URL | None = None) -> httpx.URL:
    """The url that a text means, relative to `base` (RFC 3986 §5). Raises `ValueError`, also for a name of no host.

    Plain http of a host that was asked by https is https: behind a proxy that ends TLS, many servers write redirects
    and urls as if they had been asked by http.
    """
    try:
        url = httpx.URL(text) if base is None else base.join(text)
        host = url.host  # decoded only now
    except (httpx.InvalidURL, UnicodeError):
        raise ValueError("is not a url") from None
    labels = url.raw_host.removesuffix(b".").split(b".")
    is_host = not host or all(1 <= len(label) <= _LONGEST_LABEL for label in labels)
    # httpx escapes what a host name can't hold, and leaves large ports alone.
    if not is_host or "%" in host or (url.port or 0) > MAX_PORT:
        raise ValueError("is not a url")
    return url if base is None else _as_asked(url, base)


def _as_asked(url: httpx.URL, base: httpx.URL) -> httpx.URL:
    is_behind_tls = (url.scheme, base.scheme, url.host) == ("http", "https", base.host)
    return url.copy_with(scheme="https", port=base.port) if is_behind_tls and url.port in (None, base.port) else url


def joined(base: httpx.URL, reference: str) -> httpx.URL:
    """Where a Location or a href leads. Raises `BadReply` if it is no url."""
    try:
        return url_of(reference, base)
    except ValueError:
        raise BadReply(f"{origin(base)} names a place that is no url", expected="a valid url") from None


def trusted_url(text: str, base: httpx.URL, what: str) -> httpx.URL:
    """A url that may have the credentials: https, or http on this machine where `base` came that way.

    `base` is where the session was read from, `what` the session's name for the text. Raises `BadReply`.
    """
    expected = "an https url (http only on this machine, for a session read by http)"
    try:
        url = url_of(text, base)
    except ValueError:
        raise BadReply(f"{what} is no url", expected=expected) from None
    if (url.scheme == "https" and url.host) or (url.scheme == base.scheme == "http" and is_loopback(url.host)):
        return url
    raise BadReply(f"{what} is {origin(url)}", expected=expected)


def origin(url: httpx.URL) -> str:
    """A server's url for a message: scheme, host and port. Its path and query may say anything, a secret too."""
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def place(url: httpx.URL) -> str:
    """A url of the user's own for a message: a query may hold a secret, and so may the part before the host."""
    return f"{origin(url)}{url.path}"
