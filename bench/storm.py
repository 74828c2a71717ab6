"""A storm of push events: how many passes and requests come of it, and what it costs."""

import json
from dataclasses import dataclass, field

import httpx
import trio

from bench.daemon_figures import cpu_seconds, memory_mb, metrics
from bench.load import Load
from bench.mail_app import mail_app
from bench.servers import Server, variables
from tests.daemon_process import DaemonProcess, daemon_process
from tests.proxy import pass_on, proxy_to, straight

DEBOUNCE_SECONDS = 0.2
WAVES = 100
"""The events come in so many waves, spread over the storm."""
DEADLINE_SECONDS = 60
LOOK_EVERY_SECONDS = 0.05
REST_SECONDS = 5 * DEBOUNCE_SECONDS


@dataclass(frozen=True, slots=True)
class Storm:
    """How many events, sent evenly within how long."""

    events: int
    seconds: float


@dataclass(frozen=True, slots=True)
class StormFigures:
    """`seconds` from the first event until the daemon has read the last one. CPU and requests are those of the storm
    and the passes after it; `peak_mb` is the most memory that the daemon ever had."""

    server: str
    storm: Storm
    seconds: float
    passes: int
    requests: int
    cpu_seconds: float
    before_mb: float
    peak_mb: float


@dataclass
class _EventStream:
    """What goes to the client comes from the server and from the storm, one after the other."""

    client: trio.SocketStream
    turn: trio.Lock = field(default_factory=trio.Lock)

    async def send(self, part: bytes | bytearray) -> None:
        async with self.turn:
            await self.client.send_all(part)


@dataclass
class _Weather:
    """A proxy's courses: the connection with the event stream is kept at hand, to send more into it."""

    streams: list[_EventStream] = field(default_factory=list)

    async def course(self, client: trio.SocketStream, server: trio.SocketStream) -> None:
        """The first request on a connection tells whether it is the event stream's."""
        request = await client.receive_some()
        await server.send_all(request)
        if b"text/event-stream" not in request:
            await straight(client, server)
            return
        stream = _EventStream(client)
        self.streams.append(stream)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pass_on, client, server)
            async for part in server:
                await stream.send(part)
            await client.send_eof()


async def measure_storm(server: Server, storm: Storm) -> StormFigures:
    """One sender waits when the storm begins, and must be filed when it is over. Raises `RuntimeError` if not."""
    weather = _Weather()
    async with server.account(Load(1, 10)) as settings, mail_app(settings) as app:
        url = httpx.URL(settings.jmap_session_url)
        async with proxy_to(url.port or 0, weather.course) as proxy:
            near = settings.model_copy(update={"jmap_session_url": str(url.copy_with(port=proxy.port))})
            changed = {"debounce_seconds": str(DEBOUNCE_SECONDS), "log_level": "debug"}
            async with daemon_process(near.jmap_session_url, **changed, **variables(near)) as daemon:
                with trio.fail_after(DEADLINE_SECONDS):
                    await daemon.logs("eventsource_connected")
                    await daemon.logs("poll_completed")
                    account = (await app.client.session()).mail_account
                    await trio.sleep(REST_SECONDS)
                    await app.label_all()
                    figures = await _endure(daemon, weather, server.name, account, storm)
                if not daemon.logged("sender_triaged"):
                    raise RuntimeError("the sender was not filed during the storm")
                return figures


async def _endure(daemon: DaemonProcess, weather: _Weather, server: str, account: str, storm: Storm) -> StormFigures:
    pid = daemon.process.pid
    before = await metrics(daemon)
    cpu, memory, started = cpu_seconds(pid), memory_mb(pid, "VmRSS"), trio.current_time()
    await _rage(weather.streams[-1], account, storm)
    while _events(await metrics(daemon)) < _events(before) + storm.events:  # noqa: ASYNC110  it is another process
        await trio.sleep(LOOK_EVERY_SECONDS)
    seconds = trio.current_time() - started
    await trio.sleep(REST_SECONDS)
    now = await metrics(daemon)
    return StormFigures(
        server=server,
        storm=storm,
        seconds=seconds,
        passes=round(_passes(now) - _passes(before)),
        requests=round(now["mailroom_jmap_requests_total"] - before["mailroom_jmap_requests_total"]),
        cpu_seconds=cpu_seconds(pid) - cpu,
        before_mb=memory,
        peak_mb=memory_mb(pid, "VmHWM"),
    )


async def _rage(stream: _EventStream, account: str, storm: Storm) -> None:
    each = storm.events // WAVES
    began = trio.current_time()
    for wave in range(WAVES):
        await trio.sleep_until(began + wave * storm.seconds / WAVES)
        await stream.send(b"".join(_event(account, wave * each + number) for number in range(each)))


def _event(account: str, number: int) -> bytes:
    """A state change (RFC 8620 §7.3) in a chunk of its own (RFC 9112 §7.1): the stream has no length."""
    change = json.dumps({"changed": {account: {"Email": f"storm{number}"}}, "type": "change"})
    data = f"event: state\ndata: {change}\n\n".encode()
    return b"%x\r\n%b\r\n" % (len(data), data)


def _events(found: dict[str, float]) -> float:
    return found["mailroom_push_events_total"]


def _passes(found: dict[str, float]) -> float:
    return sum(value for name, value in found.items() if name.startswith("mailroom_passes_total"))
