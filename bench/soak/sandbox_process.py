"""`python -m bench.soak.sandbox_process SEED PACE ROUNDS`: a sandbox whose script begins with the first event stream.

Prints the session url and the token; then a JSON object at the end of each round, see `RoundEnd`.
"""

import json
import sys
from dataclasses import asdict

import trio

from bench.soak.acts import Pace
from bench.soak.paces import rounds_of
from bench.soak.player import Player, RoundEnd
from bench.soak.script import write_script
from mailroom.sandbox import CYRUS, Sandbox, serve
from mailroom.sandbox.sample import create_folders


async def main(seed: int, pace: Pace) -> None:
    """Serve until killed, even after the script."""
    sandbox = Sandbox(CYRUS)
    create_folders(sandbox)
    script = write_script(seed, pace)
    async with trio.open_nursery() as nursery:
        base_url = await nursery.start(serve, sandbox)
        print(f"{base_url}/jmap/session", sandbox.token, flush=True)
        await sandbox.broadcaster.wait_for_stream()
        await Player(sandbox, script).play(lambda: None, _tell)


def _tell(end: RoundEnd) -> None:
    print(json.dumps(asdict(end)), flush=True)


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]), rounds_of(sys.argv[2], int(sys.argv[3])))
