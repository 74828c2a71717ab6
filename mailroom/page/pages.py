"""Templates made into answers, and the files that they load."""

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from quart import Response, request

from mailroom.page.words import ago, full, initial, key_of, moment, visible
from mailroom.plural import plural

COMPRESSED_FROM_BYTES = 1_000
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that the page loads: its type, its bytes, and the path that changes when they do."""

    path: str
    type: str
    body: bytes
    compressed: bytes


@cache
def assets() -> Mapping[str, Asset]:
    """The files of `static/`, by name."""
    found: dict[str, Asset] = {}
    for file in files("mailroom.page").joinpath("static").iterdir():
        body = file.read_bytes()
        kind = "application/manifest+json" if file.name.endswith(".webmanifest") else mimetypes.guess_type(file.name)[0]
        path = f"/static/{hashlib.sha256(body).hexdigest()[:12]}/{file.name}"
        found[file.name] = Asset(path, kind or "application/octet-stream", body, gzip.compress(body, 9, mtime=0))
    return found


def serve_asset(name: str) -> Response | None:
    """The file of this name; None if there is none."""
    if (asset := assets().get(name)) is None:
        return None
    is_compressed = "gzip" in request.headers.get("Accept-Encoding", "")
    headers = {"Cache-Control": _FOREVER, "Vary": "Accept-Encoding"}
    if is_compressed:
        headers["Content-Encoding"] = "gzip"
    return Response(asset.compressed if is_compressed else asset.body, content_type=asset.type, headers=headers)


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("mailroom.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(visible=visible, key_of=key_of, initial=initial, time=_time, time_of_day=_time_of_day)
    made.globals.update(asset=lambda name: assets()[name].path, plural=plural)
    return made


def _time(value: str | datetime) -> Markup:
    """A moment as people say it, and in full for who wants to know."""
    then = moment(value) if isinstance(value, str) else value
    if then is None:
        return Markup("")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        then.astimezone(UTC).isoformat(), full(then), ago(then, datetime.now(UTC))
    )


def _time_of_day(then: datetime) -> Markup:
    """In the reader's own time where there is JavaScript, else in UTC."""
    utc = then.astimezone(UTC)
    return Markup('<time class="clock" datetime="{}">{} UTC</time>').format(utc.isoformat(), f"{utc:%H:%M}")


def fragment(template: str, /, **context: object) -> str:
    return _templates().get_template(template).render(context)


def html(template: str, /, status: HTTPStatus = HTTPStatus.OK, **context: object) -> Response:
    return Response(fragment(template, **context), status=status, content_type="text/html; charset=utf-8")


async def compressed(response: Response) -> Response:
    """Pages of cards say the same again and again."""
    is_page = response.content_type is not None and response.content_type.startswith("text/html")
    if is_page and "gzip" in request.headers.get("Accept-Encoding", ""):
        body = await response.get_data(as_text=False)
        if len(body) >= COMPRESSED_FROM_BYTES:
            response.set_data(gzip.compress(body, 4, mtime=0))
            response.headers["Content-Encoding"] = "gzip"
            response.headers["Vary"] = "Accept-Encoding"
    return response
