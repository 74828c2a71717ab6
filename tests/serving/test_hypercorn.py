"""What `mailroom/serving/` relies on in hypercorn, none of which is documented.

A failure here says that hypercorn has moved: read its changes, then compare `connection.py` and `server.py` with its
`trio/run.py`, and pin the new version.
"""

import inspect
import re
from importlib.metadata import requires, version

from hypercorn.config import Config
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.lifespan import Lifespan
from hypercorn.trio.run import worker_serve
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.utils import wrap_app
from packaging.requirements import Requirement

TRIED = "0.18.0"


def parameters(function: object) -> list[str]:
    assert callable(function)
    return list(inspect.signature(function).parameters)


def test_the_version_is_the_one_that_was_tried_and_is_pinned() -> None:
    assert version("hypercorn") == TRIED
    pinned = {it.name: str(it.specifier) for it in map(Requirement, requires("mailroom") or [])}
    assert pinned["hypercorn"] == f"=={TRIED}"


def test_all_is_called_as_hypercorn_calls_it() -> None:
    assert parameters(TCPServer) == ["app", "config", "context", "state", "stream"]
    assert parameters(WorkerContext) == ["max_requests"]
    assert parameters(Lifespan) == ["app", "config", "state"]
    assert parameters(wrap_app) == ["app", "wsgi_max_body_size", "mode"]
    source = inspect.getsource(worker_serve)
    assert "await lifespan_nursery.start(lifespan.handle_lifespan)\n        await lifespan.wait_for_startup()" in source


def test_of_a_stream_no_more_is_used_than_ours_has() -> None:
    used = set(re.findall(r"self\.stream\.(\w+)", inspect.getsource(TCPServer)))
    assert used - {"do_handshake", "selected_alpn_protocol", "transport_stream"} == {
        *("aclose", "receive_some", "send_all", "send_eof", "socket"),
    }
    assert "except AttributeError:  # Not SSL" in inspect.getsource(TCPServer.run)


def test_the_read_task_ends_only_by_what_a_stream_raises() -> None:
    source = inspect.getsource(TCPServer._read_data)
    assert set(re.findall(r"trio\.(\w+Error)", source)) == {
        "ClosedResourceError",
        "BrokenResourceError",
        "TooSlowError",
    }


def test_its_limits_are_those_that_the_documents_tell() -> None:
    config = Config()
    assert (config.keep_alive_timeout, config.read_timeout) == (5, None)


def test_it_reads_no_more_than_one_request_ahead() -> None:
    assert "await self.can_read.wait()" in inspect.getsource(H11Protocol._handle_events)
