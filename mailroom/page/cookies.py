"""The two cookies: who has logged in, and which browsers did so before."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from itsdangerous import BadData, URLSafeTimedSerializer
from quart import Response

from mailroom.page.keys import Keys
from mailroom.page.owner import Owner

DAY_SECONDS = 24 * 60 * 60
SESSION_SECONDS = 30 * DAY_SECONDS
BROWSER_SECONDS = 90 * DAY_SECONDS
_LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has logged in as an owner. `id` is the cookie's, or the proxy's name for the user."""

    owner: Owner
    id: str
    key: bytes = field(repr=False)
    by_proxy: bool = False

    def token(self) -> str:
        """What a form of this session carries (against CSRF). Masked anew each time: pages are compressed, and a secret
        that stays the same could be guessed from their lengths (BREACH)."""
        mask = secrets.token_bytes(32)
        return (mask + _xor(mask, self._unmasked())).hex()

    def gave(self, token: str) -> bool:
        """Whether a form's token is of this session."""
        try:
            given = bytes.fromhex(token)
        except ValueError:
            return False
        mask, masked = given[:32], given[32:]
        return len(given) == 64 and hmac.compare_digest(_xor(mask, masked), self._unmasked())

    def _unmasked(self) -> bytes:
        return hmac.digest(self.key, b"form " + self.id.encode(), "sha256")


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


class Cookies:
    """Reads and writes them. Each is `NAME:signed`, signed with the key of the account of that name."""

    def __init__(self, owners: Mapping[str, Owner], keys: Keys, *, is_https: bool) -> None:
        self._owners = owners
        self._keys = keys
        self._is_https = is_https
        # With the prefix a browser takes the cookie over https alone, and from no other host of the domain.
        self.session = "__Host-mailroom" if is_https else "mailroom"
        self.browser = f"{self.session}-browser"

    async def read_session(self, cookies: Mapping[str, str]) -> Session | None:
        owner = self._owner_of(cookies.get(self.session, ""))
        if owner is None or owner.password is None:
            return None
        id = await self._read(owner, cookies[self.session], self.session, SESSION_SECONDS)
        return None if id is None else Session(owner, id, await self._keys.key(owner))

    def name_in(self, cookies: Mapping[str, str]) -> str:
        """Whose session it says it is, whoever serves that account; empty for nobody's. Nothing proves it."""
        value = cookies.get(self.session, "")
        name, _, signed = value.partition(":")
        return name if signed and len(value) <= _LONGEST else ""

    async def known_browser(self, cookies: Mapping[str, str], owner: Owner | None) -> str | None:
        """The id of a browser that has logged in to this account before."""
        value = cookies.get(self.browser, "")
        if owner is None or owner.password is None or self._owner_of(value) is not owner:
            return None
        return await self._read(owner, value, self.browser, BROWSER_SECONDS)

    async def log_in(self, response: Response, owner: Owner) -> None:
        """A new session, whatever the browser brought; and the browser is known from now on."""
        await self._write(response, owner, self.session, SESSION_SECONDS)
        await self._write(response, owner, self.browser, BROWSER_SECONDS)

    def log_out(self, response: Response) -> None:
        response.delete_cookie(self.session, path="/", secure=self._is_https, httponly=True, samesite="Lax")

    def _owner_of(self, value: str) -> Owner | None:
        name, colon, _ = value.partition(":")
        return self._owners.get(name) if colon and len(value) <= _LONGEST else None

    async def _read(self, owner: Owner, value: str, kind: str, seconds: int) -> str | None:
        serializer = await self._serializer(owner, kind)
        try:
            id = serializer.loads(value.partition(":")[2], max_age=seconds)
        except BadData:
            return None
        return id if isinstance(id, str) else None

    async def _write(self, response: Response, owner: Owner, kind: str, seconds: int) -> None:
        signed = (await self._serializer(owner, kind)).dumps(secrets.token_urlsafe(16))
        value = f"{owner.name}:{signed if isinstance(signed, str) else signed.decode()}"
        # Lax: with Strict somebody who follows a link from a mail would arrive logged out.
        response.set_cookie(
            kind, value, max_age=seconds, path="/", secure=self._is_https, httponly=True, samesite="Lax"
        )

    async def _serializer(self, owner: Owner, kind: str) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(
            await self._keys.key(owner), salt=f"{kind} of {owner.name}", signer_kwargs={"digest_method": hashlib.sha256}
        )
