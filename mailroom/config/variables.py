"""Where the environment's settings are, for those that can't wait for libraries."""

import re

PREFIX = "MAILROOM_"
DOTENV = ".env"
SECRETS_FOLDER = "/run/secrets"

_SERVICE_LINK = re.compile(
    PREFIX + r"([A-Z0-9_]+_)?(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)


def is_service_link(name: str, value: str | None) -> bool:
    """Whether Kubernetes has set this variable, and nobody who meant a setting.

    It does in every pod of a namespace that has a Service called mailroom, mailroom-page and so on:
    `MAILROOM_PAGE_SERVICE_HOST`, `MAILROOM_PAGE_PORT_80_TCP` … (the docs on Services, "Environment variables").
    `MAILROOM_PAGE_PORT` is of either kind; a cluster's holds a url.
    """
    if name.startswith(PREFIX) and name.endswith("_PORT") and re.match("(tcp|udp|sctp)://", value or ""):
        return True
    return _SERVICE_LINK.fullmatch(name) is not None
