"""Shards: which of a folder's accounts a process serves, where several processes share them.

Every process reads the same folder; nobody has to tell anybody who does what.
"""

import re
import socket
from dataclasses import dataclass
from hashlib import sha256

MOST_SHARDS = 1_000


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `of` equal parts, counted from 0."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def holds(self, account: str) -> bool:
        """Whether the account of this name is in it."""
        return shard_of(account, self.of) == self


def shard_of(account: str, of: int) -> Shard:
    """The shard of an account: by its name alone, so that all processes and all machines agree."""
    return Shard(int.from_bytes(sha256(account.encode()).digest()) % of, of)


def read_shard(text: str, host: str) -> Shard:
    """`2/8`, or `auto/8`: the number at the end of the host's name, which a StatefulSet of Kubernetes gives its pods.

    Raises `ValueError` that completes "MAILROOM_SHARD …".
    """
    match = re.fullmatch(r"([0-9]{1,9}|auto)/([0-9]{1,9})", text)
    if match is None:
        raise ValueError("must be a shard and the number of shards, such as 0/4 or auto/4")
    of = int(match[2])
    if not 1 <= of <= MOST_SHARDS:
        raise ValueError(f"must be one of 1 to {MOST_SHARDS:,} shards")
    if match[1] == "auto":
        return Shard(_at_the_end_of(host, of), of)
    number = int(match[1])
    if number >= of:
        raise ValueError(f"must be one of the shards 0 to {of - 1}, and is {number}/{of}: they are counted from 0")
    return Shard(number, of)


def shard_of_this_host(text: object) -> object:
    """For a setting: see `read_shard`."""
    return read_shard(text, socket.gethostname()) if isinstance(text, str) else text


def _at_the_end_of(host: str, of: int) -> int:
    match = re.search(r"[0-9]+\Z", host.partition(".")[0])
    if match is None:
        raise ValueError(f"is auto, but the name of this host, {host}, has no number at its end: write the number")
    number = int(match[0])
    if number >= of:
        raise ValueError(
            f"is auto, but the name of this host, {host}, ends in {number}, and the shards are 0 to {of - 1}: "
            "write this one's number, or give all processes a higher number of shards"
        )
    return number
