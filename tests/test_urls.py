"""A server's text becomes a url, or is a bad reply."""

import httpx
import pytest

from mailroom.errors import BadReply
from mailroom.urls import joined, origin, place

BASE = httpx.URL("https://mail.example:8443/jmap/session?token=s3cret")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", "https://mail.example:8443/jmap/session?token=s3cret"),
        ("../dav/", "https://mail.example:8443/dav/"),
        ("//other.example/x", "https://other.example/x"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("http://[::1]:80/", "http://[::1]/"),
        ("http://mail.example/dav/", "https://mail.example:8443/dav/"),
        ("http://MAIL.example:8443/dav/", "https://mail.example:8443/dav/"),
        ("http://mail.example:8080/dav/", "http://mail.example:8080/dav/"),
        ("http://other.example/dav/", "http://other.example/dav/"),
        ("https://mail.example./", "https://mail.example./"),
        ("mailto:ann@example.org", "mailto:ann@example.org"),
    ],
)
def test_what_leads_somewhere_is_a_url(text: str, url: str) -> None:
    assert str(joined(BASE, text)) == url


@pytest.mark.parametrize(
    "text",
    [
        "https://xn--ls8h.la/",
        "https://xn--0/",
        "//xn--0/book/1.vcf",
        "https://" + "x" * 70 + ".example/",
        "https://mail..example/",
        "https://mail.example:99999/",
        "https://mail.example:port/",
        "http://[::1/",
        "/\x7f",
        "/" * 70_000,
        "https://a%20b/",
        "https://\ud800/",
    ],
)
def test_what_leads_nowhere_is_a_bad_reply_that_does_not_repeat_it(text: str) -> None:
    with pytest.raises(BadReply) as caught:
        joined(BASE, text)
    assert str(caught.value) == "https://mail.example:8443 names a place that is no url; expected a valid url"


def test_a_message_shows_the_port_and_no_secret() -> None:
    url = httpx.URL("https://ann:s3cret@mail.example:8443/jmap/?token=s3cret")
    assert origin(url) == "https://mail.example:8443"
    assert place(url) == "https://mail.example:8443/jmap/"
