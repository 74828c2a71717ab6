"""What makes a pass due."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Ring:
    """A reason for a pass: something changed, or may have changed while nobody listened."""

    why: Literal["state", "connected", "refused"]
