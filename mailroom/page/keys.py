"""Passwords and what is signed with them: nothing is kept on disk, and a restart keeps sessions all the same."""

import hashlib
import hmac
import secrets
from functools import partial
from weakref import WeakKeyDictionary

import trio

from mailroom.page.owner import Owner

AT_ONCE = 2
"""Each takes 8 MiB and a third of a second of a core."""

_COST, _BLOCK, _LANES = 2**13, 8, 10
"""As OWASP's Password Storage Cheat Sheet has it for 8 MiB, which a process keeps: the C library gives none back."""
_MEMORY = 64 * 1024 * 1024


class Keys:
    """The key of each owner, and the check of a password."""

    def __init__(self, page_url: str) -> None:
        self._page_url = page_url
        self._limiter = trio.CapacityLimiter(AT_ONCE)
        self._hashes: WeakKeyDictionary[Owner, bytes] = WeakKeyDictionary()
        self._made_up: WeakKeyDictionary[Owner, bytes] = WeakKeyDictionary()

    async def matches(self, owner: Owner | None, password: str) -> bool:
        """Whether it is the owner's password; it takes as long where there is no such owner."""
        given = await self._hashed(owner, password)
        if owner is None or owner.password is None:
            return False
        return hmac.compare_digest(given, await self._hash_of(owner))

    async def key(self, owner: Owner) -> bytes:
        """What signs this owner's cookies: another one once the password or the login for mail is another one.

        A cookie tells nothing of the password: whoever would guess it needs the login for mail, too. With a proxy's
        login alone it is made up anew by each process.
        """
        if owner.password is None:
            return self._made_up.setdefault(owner, secrets.token_bytes(32))
        login = owner.mail_login.get_secret_value().encode()
        return hmac.digest(await self._hash_of(owner), login, "sha256")

    async def _hash_of(self, owner: Owner) -> bytes:
        if (known := self._hashes.get(owner)) is None:
            assert owner.password is not None, "asked for by those who checked that"  # noqa: S101
            known = await self._hashed(owner, owner.password.get_secret_value())
            self._hashes[owner] = known
        return known

    async def _hashed(self, owner: Owner | None, password: str) -> bytes:
        of = (self._page_url, *((owner.session_url, owner.name) if owner else ("", "")))
        salt = hashlib.sha256("\n".join(of).encode()).digest()
        work = partial(
            hashlib.scrypt, password.encode(), salt=salt, n=_COST, r=_BLOCK, p=_LANES, maxmem=_MEMORY, dklen=32
        )
        return await trio.to_thread.run_sync(work, limiter=self._limiter)
