"""From the url that the user knows to the address book: well-known, principal, home, book (RFC 6764 §6)."""

from collections.abc import Iterable

import httpx

from mailroom.contacts import dav_requests, webdav
from mailroom.contacts.dav import AnotherServer, Dav
from mailroom.contacts.webdav import Resource
from mailroom.errors import BadReply, ConfigError
from mailroom.http import Reply
from mailroom.urls import joined, origin

_WELL_KNOWN = "/.well-known/carddav"
_MAX_REDIRECTS = 5


async def find_book(dav: Dav, url: httpx.URL) -> httpx.URL:
    """The user's default address book; a url that is an address book is taken as it is.

    Raises `ConfigError` if the account has none, and `Unavailable`, `Refused` or `BadReply`.
    """
    start = await _start(dav, url)
    if "addressbook" in start.kinds:
        return _as_collection(start.url)
    home = start.home
    if home is None and start.principal is not None:
        home = (await _self(dav, start.principal)).home
    if home is None:
        raise BadReply(f"{origin(url)} names no home of address books", expected=_advice(dav))
    reply = await _propfind(dav, _as_collection(home), depth=1)
    books = [resource for resource in webdav.read_multistatus(reply) if "addressbook" in resource.kinds]
    if not books:
        raise ConfigError([f"{origin(home)} holds no address book: create one there, or set {dav.url_key}"])
    return _as_collection(_default(books))


async def _start(dav: Dav, url: httpx.URL) -> Resource:
    """What lies at the url or at its server's well-known url, whichever leads on."""
    well_known = url.join(_WELL_KNOWN)
    # Fastmail answers 404 at /; a path that the user gave, however, means what it says.
    first, second = (well_known, url) if url.path in ("", "/") else (url, well_known)
    try:
        found = await _self(dav, first)
        if "addressbook" in found.kinds or found.home or found.principal:
            return found
    except AnotherServer:
        raise
    except BadReply:
        # Any web page may lie there. The other url decides, and says what is wrong.
        pass
    return await _self(dav, second)


async def _self(dav: Dav, url: httpx.URL) -> Resource:
    resources = list(webdav.read_multistatus(await _propfind(dav, url, depth=0)))
    if not resources:
        raise BadReply(f"{origin(url)} describes nothing", expected=_advice(dav))
    return resources[0]


async def _propfind(dav: Dav, url: httpx.URL, *, depth: int) -> Reply:
    """PROPFIND, redirects followed by hand: `Dav` asks no other server."""
    for _ in range(_MAX_REDIRECTS):
        reply = await dav.propfind(url, dav_requests.find_home(), depth=depth)
        if reply.location is None:
            break
        url = joined(url, reply.location)
    else:
        raise BadReply(f"{origin(url)} redirects again and again", expected=_advice(dav))
    if reply.status != httpx.codes.MULTI_STATUS:
        raise BadReply(f"{origin(url)} answered HTTP {reply.status}, {reply.content_type}", expected=_advice(dav))
    return reply


def _advice(dav: Dav) -> str:
    return f"a CardDAV server; set {dav.url_key} to its address book"


def _default(books: Iterable[Resource]) -> httpx.URL:
    """The book called Default, as on Fastmail and Cyrus, or else the first by url: the choice never wavers."""
    return min(books, key=lambda book: (_name(book.url) != "default", str(book.url))).url


def _name(url: httpx.URL) -> str:
    return url.path.rstrip("/").rpartition("/")[2].lower()


def _as_collection(url: httpx.URL) -> httpx.URL:
    """With the slash at the end that hrefs of its cards are joined to."""
    return url if url.raw_path.endswith(b"/") else url.copy_with(raw_path=url.raw_path + b"/")
