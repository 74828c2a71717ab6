"""A Radicale server (PyPI) in a temporary folder: the second, different CardDAV server of the tests."""

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.real.processes import free_port, running_process, server_folder, wait_for_ports

MAKE_BOOK = """\
<?xml version="1.0" encoding="utf-8"?>
<mkcol xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav">
  <set><prop><resourcetype><collection/><C:addressbook/></resourcetype></prop></set>
</mkcol>
"""


@dataclass(frozen=True, slots=True)
class Radicale:
    """A running server. Any password opens any user's account."""

    folder: Path
    port: int

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def carddav_url(self) -> str:
        """Where CardDAV discovery starts: /.well-known/carddav lies below it."""
        return f"{self.base_url}/"

    def create_book(self, user: str, name: str = "contacts") -> str:
        """Create an address book for `user` (RFC 6352, section 6.3.1); returns its url."""
        url = f"{self.base_url}/{user}/{name}/"
        headers = {"Content-Type": "application/xml; charset=utf-8"}
        reply = httpx.request("MKCOL", url, auth=(user, "any"), headers=headers, content=MAKE_BOOK)
        reply.raise_for_status()
        return url

    def copy_user(self, user: str, copy: str) -> None:
        """Give a new user a copy of everything that `user` has; quicker than to create it over HTTP."""
        users = self.folder / "storage/collection-root"
        shutil.copytree(users / user, users / copy)


def why_missing() -> str | None:
    """What keeps Radicale from running here, or None."""
    if importlib.util.find_spec("radicale") is None:
        return "Radicale is missing: pip install -e '.[test]'"
    return None


@contextmanager
def running_radicale() -> Iterator[Radicale]:
    """Start a server without users; stop it and remove its folder at the end."""
    with server_folder("radicale-") as folder:
        server = Radicale(Path(folder), free_port())
        log = server.folder / "radicale.log"
        command = [
            *(sys.executable, "-m", "radicale", "--config", "", "--auth-type", "none"),
            *("--server-hosts", f"127.0.0.1:{server.port}"),
            *("--storage-filesystem-folder", str(server.folder / "storage")),
        ]
        with running_process(command, log=log) as process:
            wait_for_ports(process, server.port, log=log)
            yield server
