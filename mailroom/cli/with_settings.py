"""What most commands begin with: the settings, read and checked."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec

if TYPE_CHECKING:
    from mailroom.config.scheme import Scheme
    from mailroom.config.settings import Settings

P = ParamSpec("P")


def with_settings(command: Callable[Concatenate["Settings", "Scheme", P], int]) -> Callable[P, int]:
    """Hand a command the settings and the scheme, read when it runs. A mistake in them is a `ConfigError`.

    What is wrong with the command line itself is told before.
    """

    @wraps(command)
    def with_both(*args: P.args, **kwargs: P.kwargs) -> int:
        from mailroom.config.settings import load_scheme, load_settings

        settings = load_settings()
        return command(settings, load_scheme(settings), *args, **kwargs)

    return with_both
