"""How much is done in one go: without a checkpoint nobody else has a turn."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

import trio


class Stretch(trio.abc.Instrument, ABC):
    """`most` is the largest amount of what is counted that one task came to between two checkpoints."""

    most = 0

    @abstractmethod
    def begin(self) -> None:
        """Nothing is counted yet."""

    @abstractmethod
    def see(self, frame: FrameType, event: str) -> None:
        """What the profiler of `sys.setprofile` tells of each call."""

    @abstractmethod
    def amount(self) -> int:
        """What has come together since `begin`."""

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.begin()
        sys.setprofile(self._called)

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        sys.setprofile(None)
        self.most = max(self.most, self.amount())

    def _called(self, frame: FrameType, event: str, _: Any) -> None:
        self.see(frame, event)


S = TypeVar("S", bound=Stretch)


@contextmanager
def counting(stretch: S) -> Iterator[S]:
    """Of all tasks of the loop, until the end of the block."""
    trio.lowlevel.add_instrument(stretch)
    try:
        yield stretch
    finally:
        trio.lowlevel.remove_instrument(stretch)
        sys.setprofile(None)
