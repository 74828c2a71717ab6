"""A complete Cyrus IMAP server in a temporary folder: IMAP, JMAP, CardDAV and bearer tokens (docs/servers.md).

Needs Debian's `cyrus-imapd`, `cyrus-caldav` and `sasl2-bin`, and root: the server drops to the user `cyrus`.
"""

import base64
import hashlib
import hmac
import imaplib
import os
import shutil
import smtplib
import socket
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.real.processes import Account, free_port, running_process, server_folder, wait_for_ports

MASTER = "/usr/sbin/cyrmaster"
SQUATTER = "/usr/lib/cyrus/bin/squatter"
SIEVEC = "/usr/lib/cyrus/bin/sievec"
PASSWORD_TOOL = "/usr/sbin/saslpasswd2"  # noqa: S105  a program
ADMIN = "admin"
CYRUS = Account("cyrus", "mail")
CONFIG_FOLDERS = ("db", "lock", "log", "msg", "proc", "ptclient", "quota", "socket", "sync", "user")
FOLDERS = ("conf", "jwt", "lock", "proc", "run", "search", "sieve", "socket", "spool")

IMAPD_CONF = """\
configdirectory: {folder}/conf
proc_path: {folder}/proc
mboxname_lockpath: {folder}/lock
defaultpartition: default
partition-default: {folder}/spool
sievedir: {folder}/sieve
altnamespace: yes
unixhierarchysep: yes
virtdomains: off
servername: localhost
admins: {admin}
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {folder}/sasldb2
sasl_mech_list: PLAIN LOGIN
httpmodules: jmap carddav
http_jwt_key_dir: {folder}/jwt
conversations: yes
conversations_db: twoskip
jmap_nonstandard_extensions: yes
lmtpsocket: {folder}/socket/lmtp
idlesocket: {folder}/socket/idle
notifysocket: {folder}/socket/notify
sync_log: yes
sync_log_channels: squatter
search_engine: xapian
defaultsearchtier: t1
t1searchpartition-default: {folder}/search
"""

CYRUS_CONF = """\
START {{
  recover cmd="ctl_cyrusdb -C {folder}/imapd.conf -r"
}}
SERVICES {{
  imap cmd="imapd -C {folder}/imapd.conf" listen="127.0.0.1:{imap_port}" prefork=1
  http cmd="httpd -C {folder}/imapd.conf -U 200" listen="127.0.0.1:{http_port}" prefork=2
  lmtpunix cmd="lmtpd -C {folder}/imapd.conf" listen="{folder}/socket/lmtp" prefork=0
}}
EVENTS {{
}}
"""


@dataclass(frozen=True, slots=True)
class NewMailbox:
    """A mailbox to create: its IMAP name and, where it has a role, its special use (`\\Trash`, RFC 6154)."""

    name: str
    special_use: str | None = None


@dataclass(frozen=True, slots=True)
class Cyrus:
    """A running server. Every user has the same `password`; bearer tokens come from `token`."""

    folder: Path
    imap_port: int
    http_port: int
    password: str
    jwt_key: bytes

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def session_url(self) -> str:
        return f"{self.base_url}/jmap/"

    @property
    def carddav_url(self) -> str:
        """Where CardDAV discovery starts: /.well-known/carddav lies below it."""
        return f"{self.base_url}/"

    def token(self, user: str) -> str:
        """The user's bearer token: a JWT (RFC 7519), HS256, with exactly the claims that Cyrus accepts."""
        header, claims = '{"alg":"HS256","typ":"JWT"}', f'{{"sub":"{user}"}}'
        signed = f"{_base64url(header.encode())}.{_base64url(claims.encode())}"
        return f"{signed}.{_base64url(hmac.digest(self.jwt_key, signed.encode(), hashlib.sha256))}"

    def create_user(self, user: str) -> None:
        """Give `user` a password and an INBOX."""
        _set_password(self.folder, user, self.password)
        with self.imap(ADMIN) as imap:
            _check(imap.create(_quoted(f"user/{user}")))

    def create_mailboxes(self, user: str, mailboxes: Iterable[NewMailbox]) -> None:
        with self.imap(user) as imap:
            for mailbox in mailboxes:
                use = f" (USE ({mailbox.special_use}))" if mailbox.special_use else ""
                _check(imap.create(_quoted(mailbox.name) + use))

    def append(self, user: str, mailbox: str, *messages: bytes, keyword: str = "") -> None:
        """Put RFC 5322 messages into a mailbox, in this order, unread, with this keyword if there is one.

        All in one MULTIAPPEND (RFC 3502) with literals that wait for no go-ahead (RFC 7888): imaplib has only the
        APPEND of one message, which takes 4 ms.
        """
        flags = f" ({keyword})".encode() if keyword else b""
        literals = b"".join(b"%b {%d+}\r\n%b" % (flags, len(message), message) for message in messages)
        with self.imap(user) as imap:
            imap.send(b"many APPEND " + _quoted(mailbox).encode() + literals + b"\r\n")
            while not (line := imap.readline()).startswith(b"many "):
                pass
        _check((line.split()[1].decode(), [line]))

    def deliver(self, user: str, sender: str, message: bytes) -> None:
        """A mail arrives over LMTP (RFC 2033), so that the user's Sieve script runs; `sender` is the envelope's."""
        with smtplib.LMTP(str(self.folder / "socket/lmtp"), timeout=30) as lmtp:
            lmtp.sendmail(sender, user, message)

    def compile_sieve(self, script: Path) -> subprocess.CompletedProcess[str]:
        """Run the server's own compiler on a Sieve script; status 0 means that it is valid."""
        command = [SIEVEC, "-C", str(self.folder / "imapd.conf"), str(script), str(script.with_suffix(".bc"))]
        return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  the server's own tools

    def index(self, user: str) -> None:
        """Bring the search index of `user` up to date, once; returns when search sees all mail."""
        command = [SQUATTER, "-C", str(self.folder / "imapd.conf"), "-i", "-u", user]
        subprocess.run(command, user=CYRUS.user, group=CYRUS.group, extra_groups=[], check=True, capture_output=True)  # noqa: S603  the server's own tools

    @contextmanager
    def imap(self, user: str) -> Iterator[imaplib.IMAP4]:
        """A logged-in IMAP connection, for what the methods above don't cover."""
        with imaplib.IMAP4("127.0.0.1", self.imap_port, timeout=30) as connection:
            # imaplib sends a message and its line end apart: Nagle's algorithm makes that 40 ms per message.
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.login(user, self.password)
            yield connection


def why_missing() -> str | None:
    """What keeps Cyrus from running here, or None."""
    if os.geteuid() != 0:
        return "Cyrus must be started as root"
    absent = [tool for tool in (MASTER, SQUATTER, PASSWORD_TOOL) if shutil.which(tool) is None]
    if absent:
        return f"{', '.join(absent)} missing: apt-get install cyrus-imapd cyrus-caldav sasl2-bin"
    return None


@contextmanager
def running_cyrus() -> Iterator[Cyrus]:
    """Start a server without users and without a search indexer; stop it and remove its folder at the end."""
    with laid_out_cyrus() as server, serving(server):
        yield server


@contextmanager
def laid_out_cyrus() -> Iterator[Cyrus]:
    """A new server that doesn't run yet; its folder is removed at the end."""
    with server_folder("cyrus-") as folder:
        server = Cyrus(Path(folder), free_port(), free_port(), password="correct horse", jwt_key=os.urandom(32))  # noqa: S106  invented
        _lay_out(server)
        yield server


@contextmanager
def serving(server: Cyrus) -> Iterator[None]:
    """Run the server. Stopped, it may be run again, with everything that it has stored."""
    log = server.folder / "run/master.log"
    command = [MASTER, "-C", f"{server.folder}/imapd.conf", "-M", f"{server.folder}/cyrus.conf"]
    with running_process([*command, "-p", f"{server.folder}/run/master.pid"], log=log) as master:
        wait_for_ports(master, server.imap_port, server.http_port, log=log)
        yield


@contextmanager
def running_indexer(server: Cyrus) -> Iterator[None]:
    """Run the search indexer beside `server`: new mail becomes searchable about a second later."""
    command = [SQUATTER, "-C", str(server.folder / "imapd.conf"), "-R", "-d"]
    with running_process(command, log=server.folder / "run/squatter.log", account=CYRUS):
        yield


def _lay_out(server: Cyrus) -> None:
    for name in (*FOLDERS, *(f"conf/{name}" for name in CONFIG_FOLDERS)):
        (server.folder / name).mkdir()
    where = {"folder": server.folder, "imap_port": server.imap_port, "http_port": server.http_port}
    (server.folder / "imapd.conf").write_text(IMAPD_CONF.format(**where, admin=ADMIN))
    (server.folder / "cyrus.conf").write_text(CYRUS_CONF.format(**where))
    key = base64.b64encode(server.jwt_key).decode()
    (server.folder / "jwt/key.pem").write_text(f"-----BEGIN HMAC KEY-----\n{key}\n-----END HMAC KEY-----\n")
    _set_password(server.folder, ADMIN, server.password)
    for path in (server.folder, *server.folder.rglob("*")):
        shutil.chown(path, CYRUS.user, CYRUS.group)


def _set_password(folder: Path, user: str, password: str) -> None:
    command = [PASSWORD_TOOL, "-p", "-c", "-f", str(folder / "sasldb2"), "-u", "localhost", user]
    subprocess.run(command, input=password.encode(), check=True)  # noqa: S603  the server's own tools


def _check(reply: tuple[str, Sequence[object]]) -> None:
    status, details = reply
    if status != "OK":
        raise imaplib.IMAP4.error(f"{status}: {details}")


def _quoted(name: str) -> str:
    if not name.isascii():
        raise ValueError(f"not an ASCII mailbox name: {name!r}")
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
