"""The settings of the process, whichever accounts it serves; they come from the environment."""

from typing import Annotated, Literal

from pydantic import Field

from mailroom.config.checked import Checked
from mailroom.config.setting_types import Host, LowerCase
from mailroom.urls import MAX_PORT


class ProcessSettings(Checked):
    """What belongs to the process: where it listens, how it logs."""

    health_host: Host = Field(default="127.0.0.1", description="an address or host name")
    health_port: int = Field(default=8080, ge=1, le=MAX_PORT, description="a whole number from 1 to 65535")
    log_level: Annotated[Literal["debug", "info", "warning", "error", "critical"], LowerCase] = Field(
        default="info", description="debug, info, warning, error or critical"
    )
    log_format: Annotated[Literal["auto", "json", "console"], LowerCase] = Field(
        default="auto", description="auto, json or console"
    )
