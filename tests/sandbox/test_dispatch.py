import pytest

from mailroom.sandbox import Limits, MethodError
from mailroom.sandbox.dispatch import CORE, MAIL, Request, parse, process
from mailroom.sandbox.errors import RequestError

from .support import Json, call, calls, error_of, make_sandbox, reference


def run(using: list[str], *method_calls: tuple[str, Json, str]) -> list[tuple[str, Json, str]]:
    sandbox = make_sandbox()
    request = Request.model_validate({"using": using, "methodCalls": method_calls})
    return process(request, sandbox.context(), sandbox.account_id, sandbox.faults.take_method_error)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "notJSON"),
        (b"[]", "notRequest"),
        (b'{"using":[]}', "notRequest"),
        (b'{"using":[],"methodCalls":[["Core/echo",{"n":NaN},"c"]]}', "notJSON"),
        (b'{"using":[],"methodCalls":[["Core/echo",{"n":1,"n":1},"c"]]}', "notJSON"),
        (b'{"using":["\xff"],"methodCalls":[]}', "notJSON"),
        ('{"using":[],"methodCalls":[]}'.encode("utf-16"), "notJSON"),
        (b'{"using":[],"methodCalls":[["Core/echo",{}]]}', "notRequest"),
        (b'{"using":[],"methodCalls":[["Core/echo",{},"c"]],"more":1}', "notRequest"),
    ],
)
def test_a_body_that_is_no_request_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse(body)
    assert caught.value.json()["type"] == f"urn:ietf:params:jmap:error:{kind}"


def test_section_3_3_a_request_may_have_no_calls() -> None:
    assert parse(b'{"using":[],"methodCalls":[]}').method_calls == []


def test_an_unknown_capability_refuses_the_request() -> None:
    with pytest.raises(RequestError) as caught:
        run([CORE, "urn:example:none"], ("Core/echo", {}, "c"))
    assert caught.value.kind == "unknownCapability"
    assert "urn:example:none" in caught.value.detail


def test_a_method_whose_capability_is_not_used_is_unknown() -> None:
    contacts: Json = {"accountId": "u1"}
    assert run([CORE, MAIL], ("ContactCard/get", contacts, "c")) == [("error", {"type": "unknownMethod"}, "c")]


def test_echo_gives_back_its_arguments() -> None:
    echo = ("Core/echo", {"hello": [1, 2]}, "x")
    assert run([CORE], echo) == [echo]


def test_too_many_calls_refuse_the_request() -> None:
    sandbox = make_sandbox(limits=Limits(max_calls_in_request=2))
    with pytest.raises(RequestError) as caught:
        calls(sandbox, *[("Mailbox/get", {})] * 3)
    assert caught.value.json()["limit"] == "maxCallsInRequest"
    assert len(calls(sandbox, *[("Mailbox/get", {})] * 2)) == 2


def test_an_unknown_account_is_not_found() -> None:
    sandbox = make_sandbox()
    assert error_of(sandbox, "Mailbox/get", accountId="someone-else") == "accountNotFound"


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("Mailbox/get", {"idz": None}),
        ("Mailbox/get", {"ids": "P1"}),
        ("Email/query", {"limit": -1}),
        ("Email/query", {"calculateTotal": "yes"}),
        ("Email/set", {"update": {"M1": True}}),
        ("Email/changes", {}),
        ("Email/changes", {"sinceState": "Email-0", "maxChanges": 0}),
    ],
)
def test_unknown_and_misshapen_arguments_are_invalid(method: str, arguments: Json) -> None:
    assert error_of(make_sandbox(), method, **arguments) == "invalidArguments"


def test_a_failed_call_does_not_stop_the_next_ones() -> None:
    answers = calls(make_sandbox(), ("Mailbox/get", {"bad": 1}), ("Mailbox/get", {}))
    assert [name for name, _ in answers] == ["error", "Mailbox/get"]


def test_a_reference_takes_values_out_of_an_earlier_answer() -> None:
    sandbox = make_sandbox()
    first = sandbox.deliver(subject="One")
    second = sandbox.deliver(subject="Two")
    _, (_, mails), (_, threads) = calls(
        sandbox,
        ("Email/query", {}),
        ("Email/get", {"#ids": reference(0, "Email/query", "/ids"), "properties": ["threadId"]}),
        ("Thread/get", {"#ids": reference(1, "Email/get", "/list/*/threadId")}),
    )
    assert [mail["id"] for mail in mails["list"]] == [first, second]
    assert [thread["emailIds"] for thread in threads["list"]] == [[first], [second]]


def test_a_star_flattens_lists_of_lists() -> None:
    sandbox = make_sandbox()
    ids = [sandbox.deliver(), sandbox.deliver()]
    (_, threads), (_, mails) = calls(
        sandbox,
        ("Thread/get", {}),
        ("Email/get", {"#ids": reference(0, "Thread/get", "/list/*/emailIds"), "properties": ["id"]}),
    )
    assert [mail["id"] for mail in mails["list"]] == ids
    assert len(threads["list"]) == 2


@pytest.mark.parametrize(
    "broken",
    [
        reference(7, "Mailbox/get", "/list"),
        reference(0, "Mailbox/query", "/list"),
        reference(0, "Mailbox/get", "/nothing"),
        reference(0, "Mailbox/get", "list"),
        reference(0, "Mailbox/get", "/list/99"),
        {"resultOf": "c0"},
        "c0",
    ],
)
def test_a_reference_to_nothing_is_an_invalid_result_reference(broken: object) -> None:
    answers = calls(make_sandbox(), ("Mailbox/get", {}), ("Mailbox/get", {"#ids": broken}))
    assert answers[1][1]["type"] == "invalidResultReference"


def test_a_reference_to_a_failed_call_is_an_invalid_result_reference() -> None:
    sandbox = make_sandbox()
    sandbox.faults.method_error("Email/query", MethodError("serverFail"))
    answers = calls(sandbox, ("Email/query", {}), ("Email/get", {"#ids": reference(0, "Email/query", "/ids")}))
    assert [answer["type"] for _, answer in answers] == ["serverFail", "invalidResultReference"]


def test_an_argument_may_not_be_given_twice() -> None:
    answers = calls(
        make_sandbox(),
        ("Mailbox/query", {}),
        ("Mailbox/get", {"ids": [], "#ids": reference(0, "Mailbox/query", "/ids")}),
    )
    assert answers[1][1]["type"] == "invalidArguments"


def test_a_created_object_can_be_named_by_later_calls_of_the_request() -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver()
    calls(
        sandbox,
        ("Mailbox/set", {"create": {"new": {"name": "Parent"}}}),
        ("Mailbox/set", {"create": {"child": {"name": "Child", "parentId": "#new"}}}),
        ("Email/set", {"update": {mail_id: {"mailboxIds": {"#child": True}}}}),
    )
    assert sandbox.mailboxes_of(mail_id) == {"Child"}
    assert sandbox.mailbox_id("Parent/Child")


def test_more_objects_than_the_limits_allow_are_too_large() -> None:
    sandbox = make_sandbox(limits=Limits(max_objects_in_get=3, max_objects_in_set=2))
    assert error_of(sandbox, "Mailbox/get") == "requestTooLarge"
    assert call(sandbox, "Mailbox/get", ids=["P1", "P2", "P3"])["notFound"] == []
    patches: Json = {f"M{number}": {} for number in range(3)}
    assert error_of(sandbox, "Email/set", update=patches) == "requestTooLarge"


def test_repeated_ids_come_once_when_written_and_as_often_as_they_come_by_reference() -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver()
    asked = [mail_id, mail_id, "M9", "M9"]
    written = call(sandbox, "Email/get", ids=asked, properties=["id"])
    assert (written["list"], written["notFound"]) == ([{"id": mail_id}], ["M9"])
    echo = ("Core/echo", {"asked": asked})
    [_, (_, referred)] = calls(sandbox, echo, ("Email/get", {"#ids": reference(0, "Core/echo", "/asked")}))
    assert [mail["id"] for mail in referred["list"]] == [mail_id, mail_id]
    assert referred["notFound"] == ["M9", "M9"]


def test_repeated_ids_by_reference_count_against_max_objects_in_get() -> None:
    sandbox = make_sandbox(limits=Limits(max_objects_in_get=3))
    mail_id = sandbox.deliver()
    assert call(sandbox, "Email/get", ids=[mail_id] * 4)["list"]
    echo = ("Core/echo", {"asked": [mail_id] * 4})
    [_, (name, answer)] = calls(sandbox, echo, ("Email/get", {"#ids": reference(0, "Core/echo", "/asked")}))
    assert (name, answer["type"]) == ("error", "requestTooLarge")
