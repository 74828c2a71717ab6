"""An app with all that is served here or will be: pages, forms, event streams."""

from collections.abc import AsyncIterator

import trio
from quart import Response, request
from quart_trio import QuartTrio

BEAT_SECONDS = 15


def an_app() -> QuartTrio:
    app = QuartTrio("test", static_folder=None)

    @app.get("/")
    async def root() -> str:
        return "here"

    @app.post("/form")
    async def form() -> Response:
        return Response(await request.get_data())

    @app.get("/big")
    async def big() -> bytes:
        return b"x" * 20_000_000

    @app.get("/events")
    async def events() -> Response:
        response = Response(_beats(), content_type="text/event-stream")
        response.timeout = None
        return response

    return app


async def _beats() -> AsyncIterator[bytes]:
    while True:
        yield b"data: beat\n\n"
        await trio.sleep(BEAT_SECONDS)
