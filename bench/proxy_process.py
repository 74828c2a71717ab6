"""`python -m bench.proxy_process SECONDS PORT …`: a delaying proxy before each port; prints the proxies' own ports."""

import sys
from contextlib import AsyncExitStack

import trio

from tests.proxy import delayed, proxy_to, straight


async def main(round_trip_seconds: float, ports: list[int]) -> None:
    """Pass on until killed."""
    course = delayed(round_trip_seconds) if round_trip_seconds else straight
    async with AsyncExitStack() as stack:
        proxies = [await stack.enter_async_context(proxy_to(port, course)) for port in ports]
        print(*(proxy.port for proxy in proxies), flush=True)
        await trio.sleep_forever()


if __name__ == "__main__":
    trio.run(main, float(sys.argv[1]), [int(port) for port in sys.argv[2:]])
