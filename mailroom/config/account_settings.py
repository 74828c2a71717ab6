"""The settings of one account: its servers and logins, and how it is served."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from mailroom.config.checked import Checked
from mailroom.config.keys import Keys
from mailroom.config.page_settings import Names, PagePassword
from mailroom.config.scheme import Scheme
from mailroom.config.setting_types import Code, LowerCase, Password, SecretUrl, Token, Url, Username

SECRETS = ("jmap_token", "jmap_password", "carddav_password", "heartbeat_url", "subject_code", "page_password")
"""Settings that nobody else may see; each may be in a file of its own, which the setting with this ending names."""
FILE_ENDING = "_file"


class AccountSettings(Checked):
    """What belongs to one account, beside its scheme. It reads nothing by itself."""

    jmap_token: Token | None = Field(default=None, description="an API token")
    jmap_username: Username | None = Field(default=None, description="a user name")
    jmap_password: Password | None = Field(default=None, description="a password")
    jmap_session_url: Url = Field(default="https://api.fastmail.com/jmap/session", description="a url")
    contacts: Annotated[Literal["auto", "jmap", "carddav"], LowerCase] = Field(
        default="auto", description="auto, jmap or carddav"
    )
    carddav_url: Url | None = Field(default=None, description="a url")
    carddav_username: Username | None = Field(default=None, description="a user name")
    carddav_password: Password | None = Field(default=None, description="a password")
    poll_interval: float = Field(
        default=60.0, ge=1, le=86_400, allow_inf_nan=False, description="a number of seconds from 1 to 86400"
    )
    debounce_seconds: float = Field(
        default=3.0, ge=0, le=60, allow_inf_nan=False, description="a number of seconds from 0 to 60"
    )
    heartbeat_url: SecretUrl | None = Field(default=None, description="a url")
    max_consecutive_failures: int = Field(default=10, ge=0, description="a whole number, 0 or more (0 = never give up)")
    subject_code: Code | None = Field(default=None, description="a word")
    page_password: PagePassword | None = Field(default=None, description="a password")
    page_proxy_users: Names = Field(default=(), description="names with commas between them")

    @classmethod
    def problems_between(cls, given: Mapping[str, object], keys: Keys) -> Iterator[str]:
        """A login that is missing, double or half."""
        token, *basic = map(keys.bare, ("jmap_token", "jmap_username", "jmap_password"))
        if "jmap_token" in given and {"jmap_username", "jmap_password"} & given.keys():
            yield f"{token} and {' or '.join(basic)} are both set; unset the one that is not meant"
        elif not {"jmap_token", "jmap_username", "jmap_password"} & given.keys():
            yield keys.how_to_log_in
        else:
            yield from _half_a_pair(given, "jmap_username", "jmap_password", keys)
        yield from _half_a_pair(given, "carddav_username", "carddav_password", keys)


def _half_a_pair(given: Container[str], one: str, other: str, keys: Keys) -> Iterator[str]:
    for present, absent in ((one, other), (other, one)):
        if present in given and absent not in given:
            yield f"{keys.bare(absent)} is missing; {keys.bare(present)} is useless without it"


@dataclass(frozen=True, slots=True)
class AccountConfig:
    """All that is configured of one account. `name` is that of its file, without `.toml`; None without a folder.
    `scheme_file` is where the scheme was read, None if it is the usual one.

    An account that isn't `enabled` is not served, but commands work on it.
    """

    name: str | None
    settings: AccountSettings
    scheme: Scheme
    scheme_file: Path | None = None
    enabled: bool = True
