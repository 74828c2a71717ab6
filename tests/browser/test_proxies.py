"""The page behind the reverse proxies that docs/page.md has recipes for, as they come from Debian."""

import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from pydantic import SecretStr

from tests.conftest import PROJECT
from tests.guard import GUARD_SECONDS
from tests.page.support import Browser, page
from tests.page.test_live import Heard
from tests.page.test_waiting import sandbox_with
from tests.real.processes import free_port

SECRET = "s" * 32
RECIPES = dict(
    re.findall(r"<!-- (\w+) -->\n```\w*\n(.*?)```", (PROJECT / "docs" / "page.md").read_text(), re.DOTALL),
)


@dataclass
class Proxied:
    """`url` is where browsers see the page."""

    url: str
    sandbox: Any


def caddy(folder: Path, port: int, page_port: int) -> list[str]:
    recipe = RECIPES["caddy"].replace("mailroom.example.com", f"http://localhost:{port}")
    file = folder / "Caddyfile"
    file.write_text("{\n\tadmin off\n}\n" + recipe.replace("127.0.0.1:8081", f"127.0.0.1:{page_port}"))
    return ["caddy", "run", "--config", str(file), "--adapter", "caddyfile"]


def nginx(folder: Path, port: int, page_port: int) -> list[str]:
    recipe = RECIPES["nginx"].replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    recipe = recipe.replace("mailroom.example.com", "localhost").replace("127.0.0.1:8081", f"127.0.0.1:{page_port}")
    plain = "".join(line for line in recipe.splitlines(keepends=True) if "ssl_certificate" not in line)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = folder / "nginx.conf"
    file.write_text(
        f"daemon off; pid {folder}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {temporary}\n{plain}\n}}\n"
    )
    return ["nginx", "-c", str(file), "-e", "stderr"]


PROXIES = {"caddy": caddy, "nginx": nginx}


@asynccontextmanager
async def behind(kind: str, folder: Path, **settings: Any) -> AsyncIterator[Proxied]:
    """A page behind a proxy in the foreground; it is up once it answers."""
    if shutil.which(kind) is None:
        pytest.skip(f"{kind}: apt-get install {'nginx-light' if kind == 'nginx' else kind}")
    sandbox, port = sandbox_with(1), free_port()
    url = f"http://localhost:{port}"
    given = {"page_url": url, "page_proxy_from": "127.0.0.1", **settings}
    async with page(sandbox, **given) as served_page:
        command = PROXIES[kind](folder, port, httpx.URL(served_page.url).port or 0)
        environment = {"HOME": str(folder), "PATH": "/usr/sbin:/usr/bin"}
        process = await trio.lowlevel.open_process(command, stderr=subprocess.DEVNULL, env=environment)
        try:
            await _answers(process, port)
            yield Proxied(url, sandbox)
        finally:
            process.kill()
            with trio.move_on_after(5, shield=True):
                await process.wait()


async def _answers(process: trio.Process, port: int) -> None:
    with trio.fail_after(GUARD_SECONDS):
        while process.poll() is None:
            try:
                async with await trio.open_tcp_stream("127.0.0.1", port):
                    return
            except OSError:
                await trio.sleep(0.02)
    pytest.fail(f"the proxy ended with status {process.returncode}")


@asynccontextmanager
async def visitor(proxied: Proxied, **headers: str) -> AsyncIterator[Browser]:
    async with httpx.AsyncClient(base_url=proxied.url, headers=headers, timeout=60) as http:
        yield Browser(http, proxied.url)


@pytest.mark.parametrize("kind", PROXIES)
async def test_the_owner_logs_in_taps_and_is_told(kind: str, tmp_path: Path) -> None:
    async with behind(kind, tmp_path) as proxied, visitor(proxied) as owner:
        await owner.log_in()
        assert owner.senders == ["s0@example.org"]
        url = owner.http.base_url
        cookies = "; ".join(f"{name}={value}" for name, value in owner.http.cookies.items())
        head = f"GET /live?since=0 HTTP/1.0\r\nHost: {url.netloc.decode()}\r\nCookie: {cookies}\r\n\r\n"
        async with await trio.open_tcp_stream("127.0.0.1", url.port or 0) as stream:
            await stream.send_all(head.encode())
            heard = Heard(stream)
            await heard.next("waiting")
            await owner.tap("s0@example.org", "Feed")
            # Not kept back until the stream ends.
            assert "being filed" in await heard.next("card")
            assert "filed 1 mail in Feed" in await heard.next("card")
        assert len(proxied.sandbox.mails_in("Feed")) == 1


@pytest.mark.parametrize("kind", PROXIES)
async def test_addresses_are_the_visitors_own_and_none_can_be_made_up(kind: str, tmp_path: Path) -> None:
    async with behind(kind, tmp_path) as proxied:
        statuses = []
        for number in range(6):
            async with visitor(proxied, **{"X-Forwarded-For": f"10.0.0.{number}"}) as guesser:
                statuses.append((await guesser.log_in("guess")).status_code)
        assert statuses == [403] * 5 + [429]


@pytest.mark.parametrize("kind", PROXIES)
async def test_nobody_logs_in_by_a_header_that_the_proxy_did_not_write(kind: str, tmp_path: Path) -> None:
    settings = {
        "page_proxy_header": "Remote-User",
        "page_proxy_users": "ann",
        "page_proxy_secret": SecretStr(SECRET),
    }
    claims = {"Remote-User": "ann", "Remote_User": "ann", "X-Mailroom-Proxy-Secret": SECRET}
    async with behind(kind, tmp_path, **settings) as proxied, visitor(proxied, **claims) as stranger:
        answer = await stranger.http.get("/", follow_redirects=True)
        assert answer.url.path == "/login"
        assert "s0@example.org" not in answer.text
