"""A certificate authority of the tests' own, and what servers show to clients that trust it."""

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import trustme

from mailroom import http_clients

LONG_AGO = datetime(2020, 1, 1)


@dataclass(frozen=True, slots=True)
class Certificates:
    """What a server can show, by what is wrong with it."""

    good: ssl.SSLContext
    unknown_authority: ssl.SSLContext
    wrong_host: ssl.SSLContext
    expired: ssl.SSLContext


@contextmanager
def certificates_for(host: str) -> Iterator[Certificates]:
    """Made for one host; this process and those that it starts trust their authority meanwhile."""
    authority = trustme.CA()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "authority.pem"
        authority.cert_pem.write_to_path(str(file))
        with environment(SSL_CERT_FILE=str(file)), _authorities_read_anew():
            yield Certificates(
                good=_context(authority.issue_cert(host)),
                unknown_authority=_context(trustme.CA().issue_cert(host)),
                wrong_host=_context(authority.issue_cert("mail.example.com")),
                expired=_context(authority.issue_cert(host, not_after=LONG_AGO)),
            )


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@contextmanager
def _authorities_read_anew() -> Iterator[None]:
    """A process reads them once; this one lives on after the test."""
    http_clients._tls.cache_clear()
    try:
        yield
    finally:
        http_clients._tls.cache_clear()


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Variables of this process and of those that it starts."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
