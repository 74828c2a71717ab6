"""The settings of the process, whichever accounts it serves; they come from the environment."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from mailroom.config.checked import Checked
from mailroom.config.keys import Keys
from mailroom.config.page_settings import HOST, HeaderName, Networks, Origin, ProxySecret
from mailroom.config.setting_types import HomeExpanded, Host, LowerCase
from mailroom.config.shard import Shard, shard_of_this_host
from mailroom.urls import MAX_PORT, is_loopback


class ProcessSettings(Checked):
    """What belongs to the process: which accounts it serves, where it listens, how it logs."""

    accounts: Annotated[Path, HomeExpanded] | None = Field(default=None, description="the path of a folder")
    shard: Annotated[Shard, BeforeValidator(shard_of_this_host)] | None = Field(
        default=None, description="a shard and the number of shards, such as 0/4"
    )
    standby_seconds: float = Field(default=0.0, ge=0, le=600, description="a number of seconds from 0 to 600")
    health_host: Host = Field(default="127.0.0.1", description="an address or host name")
    health_port: int = Field(default=8080, ge=1, le=MAX_PORT, description="a whole number from 1 to 65535")
    metrics_accounts: bool = Field(default=True, description="true or false")
    page_host: Host = Field(default=HOST, description="an address or host name")
    page_port: int = Field(default=8081, ge=1, le=MAX_PORT, description="a whole number from 1 to 65535")
    page_url: Origin | None = Field(default=None, description="a url")
    page_proxy_header: HeaderName | None = Field(default=None, description="the name of a header")
    page_proxy_from: Networks = Field(default=(), description="networks with commas between them")
    page_proxy_secret: ProxySecret | None = Field(default=None, description="a secret")
    log_level: Annotated[Literal["debug", "info", "warning", "error", "critical"], LowerCase] = Field(
        default="info", description="debug, info, warning, error or critical"
    )
    log_format: Annotated[Literal["auto", "json", "console"], LowerCase] = Field(
        default="auto", description="auto, json or console"
    )

    @classmethod
    def problems_between(cls, given: Mapping[str, object], keys: Keys) -> Iterator[str]:
        """A shard of what, and what the page lacks to be safe."""
        if "shard" in given and "accounts" not in given:
            yield f"{keys.bare('accounts')} is missing: a shard is a part of its accounts (docs/accounts.md)"
        header, host = keys.bare("page_proxy_header"), keys.bare("page_host")
        if "page_proxy_header" in given and "page_proxy_from" not in given:
            yield (
                f"{keys.bare('page_proxy_from')} is missing: name the proxy's addresses, such as 127.0.0.1; "
                f"from anywhere else {header} is refused"
            )
        if "page_proxy_secret" in given and "page_proxy_header" not in given:
            yield f"{header} is missing; {keys.bare('page_proxy_secret')} is useless without it"
        if is_loopback(str(given.get("page_host", HOST))):
            return
        if "page_url" not in given:
            yield (
                f"{keys.bare('page_url')} is missing: {host} is reached from other machines, so say how a browser "
                "sees the page, such as https://mailroom.example.com"
            )
        if "page_proxy_header" in given and "page_proxy_secret" not in given:
            yield (
                f"{keys.bare('page_proxy_secret')} is missing: {host} is reached from other machines, so let the proxy "
                "send the header X-Mailroom-Proxy-Secret with the same 32 characters or more"
            )
