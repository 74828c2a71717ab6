import pytest

from mailroom.sandbox import CYRUS, FASTMAIL, Limits, Sandbox
from mailroom.sandbox.dispatch import CORE, SIEVE, Request, process
from mailroom.sandbox.errors import RequestError

from .support import Json, call, error_of, make_sandbox

FILING = 'require ["fileinto"];\nif header :is "Subject" "a { \\" b" { # }\n  fileinto "Feed";\n}\n'


def scripts(limits: Limits | None = None) -> Sandbox:
    return make_sandbox(CYRUS, limits)


def blob(sandbox: Sandbox, text: str) -> str:
    return sandbox.store.add_blob(text.encode())


def test_a_script_is_created_shown_replaced_and_activated() -> None:
    sandbox = scripts()
    first = sandbox.add_script("one", FILING)
    second = sandbox.add_script("two", "keep;", active=True)
    shown = call(sandbox, "SieveScript/get", ids=None)["list"]
    assert [(each["name"], each["isActive"]) for each in shown] == [("one", False), ("two", True)]
    answer = call(
        sandbox,
        "SieveScript/set",
        update={first: {"blobId": blob(sandbox, "discard;")}},
        onSuccessActivateScript=first,
    )
    assert answer["notUpdated"] is None
    assert (sandbox.scripts(), sandbox.active_script()) == ({"one": "discard;", "two": "keep;"}, "one")
    call(sandbox, "SieveScript/set", onSuccessDeactivateScript=True)
    assert sandbox.active_script() is None
    assert call(sandbox, "SieveScript/set", destroy=[second])["destroyed"] == [second]


def test_the_active_script_cannot_be_destroyed() -> None:
    sandbox = scripts()
    script = sandbox.add_script("one", FILING, active=True)
    assert call(sandbox, "SieveScript/set", destroy=[script])["notDestroyed"] == {script: {"type": "sieveIsActive"}}


@pytest.mark.parametrize(
    ("properties", "error"),
    [
        ({"name": "one"}, "alreadyExists"),
        ({"name": ""}, "invalidProperties"),
        ({"name": "two", "colour": "red"}, "invalidProperties"),
        ({"name": "two", "blobId": "B99"}, "blobNotFound"),
        ({"name": "two", "blobId": None}, "blobNotFound"),
    ],
)
def test_a_bad_script_is_refused_and_none_is_activated(properties: Json, error: str) -> None:
    sandbox = scripts()
    sandbox.add_script("one", FILING, active=True)
    new = {"blobId": blob(sandbox, "keep;"), **properties}
    answer = call(sandbox, "SieveScript/set", create={"n": new}, onSuccessActivateScript="#n")
    assert answer["notCreated"]["n"]["type"] == error
    assert sandbox.active_script() == "one"


def test_a_script_that_is_too_large_is_refused() -> None:
    sandbox = scripts(Limits(max_size_script=4))
    answer = call(sandbox, "SieveScript/set", create={"n": {"name": "one", "blobId": blob(sandbox, "keep;")}})
    assert answer["notCreated"]["n"]["type"] == "tooLarge"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (FILING, None),
        ("/* { */ keep; # }", None),
        ("", None),
        ("keep; \n?", "line 2: syntax error"),
        ('fileinto "x', "line 1: syntax error"),
        ("if true {", "{ is never closed"),
        ("if true { ( } )", "line 1: unexpected }"),
        ('require ["fileinto", "regex"];', "unsupported: regex"),
    ],
)
def test_scripts_are_validated(text: str, fault: str | None) -> None:
    sandbox = scripts()
    error = call(sandbox, "SieveScript/validate", blobId=blob(sandbox, text))["error"]
    assert error == (None if fault is None else {"type": "invalidSieve", "description": fault})


def test_octets_that_are_no_text_are_no_script() -> None:
    sandbox = scripts()
    error = call(sandbox, "SieveScript/validate", blobId=sandbox.store.add_blob(b"\xff"))["error"]
    assert error == {"type": "invalidSieve", "description": "not UTF-8"}


def test_unknown_blobs_and_scripts_are_errors() -> None:
    sandbox = scripts()
    assert error_of(sandbox, "SieveScript/validate", blobId="B99") == "blobNotFound"
    assert error_of(sandbox, "SieveScript/set", onSuccessActivateScript="S99") == "invalidArguments"


def test_a_server_without_scripts_refuses_the_capability() -> None:
    sandbox = make_sandbox(FASTMAIL)
    request = Request.model_validate({"using": [CORE, SIEVE], "methodCalls": [("SieveScript/get", {}, "c0")]})
    with pytest.raises(RequestError, match="not offered"):
        process(request, sandbox.context(), sandbox.account_id, sandbox.faults.take_method_error)
