"""How a program runs until it is done, or told to stop."""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog
import trio

from mailroom.errors import MailroomError, leaves

log = structlog.get_logger(component="daemon")


async def run_until_signal(work: Callable[[], Awaitable[None]]) -> signal.Signals | None:
    """Run `work`; SIGTERM or SIGINT cancels it, and is returned. A second one changes nothing.

    Run it in the main thread. What `work` raises comes out in a group, unless it was told to stop before.
    """
    stopped_by: signal.Signals | None = None
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        try:
            async with trio.open_nursery() as nursery:

                async def watch() -> None:
                    nonlocal stopped_by
                    async for number in signals:
                        stopped_by = stopped_by or signal.Signals(number)
                        working.cancel()

                working = trio.CancelScope()
                # Outside of what it cancels, so that an impatient second signal is taken, too.
                nursery.start_soon(watch)
                with working:
                    await work()
                nursery.cancel_scope.cancel()
        except* MailroomError as failures:
            if stopped_by is None:
                raise
            # Two parts of the work: one was cancelled, the other failed in the same moment. The next start finishes it.
            log.warning("failed_while_stopping", error="; ".join(sorted({str(each) for each in leaves(failures)})))
        finally:
            await _ignore_further(signals)
    return stopped_by


async def _ignore_further(signals: AsyncIterator[int]) -> None:
    # Signals left in the receiver would be raised again where it closes, and kill a process that is ending anyway.
    with trio.move_on_after(0.01, shield=True):
        async for _ in signals:
            pass
