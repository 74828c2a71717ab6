"""The page of a folder of accounts: when it is served."""

import socket
from pathlib import Path

import httpx
import pytest
from trio.testing import MockClock

from tests.daemon.test_reload import provider

PASSWORD = "correct horse battery"  # noqa: S105  invented
URL = "http://localhost:8081"


async def log_in(port: int, url: str, name: str) -> int:
    """The status of the answer of the page on this port, as browsers know it by this url."""
    async with httpx.AsyncClient(headers={"Host": url.removeprefix("http://"), "Origin": url}) as http:
        form = await http.get(f"http://127.0.0.1:{port}/login")
        assert (form.status_code, 'name="name"' in form.text) == (200, True)
        answer = await http.post(f"http://127.0.0.1:{port}/login", data={"name": name, "password": PASSWORD})
        return answer.status_code


async def test_it_is_off_until_a_file_has_a_password_and_is_served_from_then_on(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    async with provider(tmp_path, mock_clock, "anna", "bert") as running:
        (started,) = running.logged("service_started")
        assert (started["page_port"], running.logged("page_started")) == (None, [])
        running.gives("bert", PASSWORD)
        await running.looks()
        (told,) = running.logged("page_started")
        port = told["page_port"]
        assert await log_in(port, f"http://127.0.0.1:{port}", "bert") == 303
        running.gives("anna", PASSWORD)
        await running.looks()
        assert await log_in(port, f"http://127.0.0.1:{port}", "anna") == 303
        assert len(running.logged("page_started")) == 1


async def test_with_a_url_it_is_served_from_the_start_and_a_password_that_comes_opens_it(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    async with provider(tmp_path, mock_clock, "anna", page_url=URL) as running:
        port = running.logged("service_started")[0]["page_port"]
        assert await log_in(port, URL, "anna") == 403
        running.gives("anna", PASSWORD)
        await running.looks()
        assert await log_in(port, URL, "anna") == 303


@pytest.mark.exhaustive
async def test_where_its_port_is_taken_it_comes_once_that_is_free_and_mail_is_filed_meanwhile(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        async with provider(tmp_path, mock_clock, "anna", page_port=port) as running:
            running.gives("anna", PASSWORD)
            await running.looks()
            (told,) = running.logged("page_not_started")
            assert f"page port {port} on 127.0.0.1 is in use: set MAILROOM_PAGE_PORT" in told["error"]
            await running.files("anna")
            other.close()
            mock_clock.jump(told["retry_in"])
            await running.rests()
            assert await log_in(port, f"http://127.0.0.1:{port}", "anna") == 303
