from datetime import timedelta

import pytest

from mailroom.sandbox import Limits, Sandbox

from .support import NOON, Json, call, error_of, make_sandbox

MAILS: dict[str, Json] = {
    "ann": {"sender": "Ann Test <ann@example.org>", "subject": "Soup", "mailboxes": ["Screener"]},
    "not": {"sender": "notest@example.org", "subject": "Bread", "mailboxes": ["Screener", "Feed"]},
    "bob": {"sender": "Bob <bob@other.org>", "subject": "soup again", "mailboxes": ["Inbox"], "keywords": ("$seen",)},
}


def mailbox_with_mails() -> tuple[Sandbox, dict[str, str]]:
    """Three mails, one minute apart, and their names by id."""
    sandbox = make_sandbox()
    return sandbox, {
        sandbox.deliver(**mail, received_at=NOON + timedelta(minutes=number)): name
        for number, (name, mail) in enumerate(MAILS.items())
    }


def found(given: Json | None, **arguments: object) -> list[str]:
    sandbox, names = mailbox_with_mails()
    return [names[i] for i in call(sandbox, "Email/query", filter=given, **arguments)["ids"]]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, ["ann", "not", "bob"]),
        ({}, ["ann", "not", "bob"]),
        ({"from": "TEST"}, ["ann", "not"]),
        ({"from": "ann test"}, ["ann"]),
        ({"header": ["From", "BOB@"]}, ["bob"]),
        ({"header": ["List-Id"]}, []),
        ({"header": ["subject"]}, ["ann", "not", "bob"]),
        ({"header": ["subject", "SOUP", "contains"]}, ["ann", "bob"]),
        ({"header": ["subject", "SOUP", "equals"]}, ["ann"]),
        ({"header": ["Subject", "soup", "startsWith"]}, ["ann", "bob"]),
        ({"header": ["SUBJECT", "again", "endsWith"]}, ["bob"]),
        ({"subject": "soup"}, ["ann", "bob"]),
        ({"text": "bread"}, ["not"]),
        ({"body": "this is the mail"}, ["ann", "not", "bob"]),
        ({"to": "robin@"}, ["ann", "not", "bob"]),
        ({"inMailbox": "P3"}, ["ann", "not"]),
        ({"inMailboxOtherThan": ["P3"]}, ["not", "bob"]),
        ({"inMailboxOtherThan": ["P3", "P1"]}, ["not"]),
        ({"hasKeyword": "$seen"}, ["bob"]),
        ({"notKeyword": "$SEEN"}, ["ann", "not"]),
        ({"after": "2026-03-05T12:01:00Z"}, ["not", "bob"]),
        ({"inMailbox": "P3", "notKeyword": "$seen", "after": "2026-03-05T12:01:00Z"}, ["not"]),
        ({"before": "2026-03-05T12:01:00Z"}, ["ann"]),
        ({"hasAttachment": True}, []),
        ({"minSize": 1, "maxSize": 100_000}, ["ann", "not", "bob"]),
        ({"from": "example.org", "subject": "soup"}, ["ann"]),
        ({"operator": "OR", "conditions": [{"from": "bob@"}, {"header": ["From", "ann@"]}]}, ["ann", "bob"]),
        ({"operator": "OR", "conditions": [{"inMailbox": "P1"}, {"inMailbox": "P4"}]}, ["not", "bob"]),
        ({"operator": "AND", "conditions": [{"inMailbox": "P3"}, {"inMailbox": "P4"}]}, ["not"]),
        ({"operator": "NOT", "conditions": [{"inMailbox": "P3"}]}, ["bob"]),
        (
            {
                "operator": "AND",
                "conditions": [
                    {"operator": "OR", "conditions": [{"from": "bob@"}, {"from": "ann@"}]},
                    {"notKeyword": "$seen"},
                ],
            },
            ["ann"],
        ),
    ],
)
def test_filters_find_what_the_standard_says(given: Json | None, expected: list[str]) -> None:
    assert sorted(found(given)) == sorted(expected)


@pytest.mark.parametrize(
    "given",
    [
        {"inMailbox": "P99"},
        {"inMailbox": None},
        {"inMailboxOtherThan": ["P1", "P99"]},
        {"colour": "red"},
        {"from": None},
        {"header": "From"},
        {"header": ["From", "a", "b"]},
        {"header": ["From", "a", "equals", "b"]},
        {"header": []},
        {"hasKeyword": "a b"},
        {"notKeyword": 1},
        {"allInThreadHaveKeyword": "a b"},
        {"after": "yesterday"},
        {"after": "2026-13-05T12:01:00Z"},
        {"after": "2026-03-05T12:01:00+00:00"},
        {"before": "2026-03-05T12:01:00.000Z"},
        {"after": "2026-03-05T12:01:00"},
        {"minSize": -1},
        {"hasAttachment": "yes"},
        {"operator": "XOR", "conditions": []},
        {"operator": "OR"},
        {"operator": "OR", "conditions": [1]},
        {"operator": "OR", "conditions": [{"inMailbox": "P1"}, {"inMailbox": "P99"}]},
    ],
)
def test_one_bad_condition_fails_the_whole_query(given: Json) -> None:
    assert error_of(make_sandbox(), "Email/query", filter=given) == "invalidArguments"


@pytest.mark.parametrize("which", ["all", "some", "none"])
def test_section_4_4_1_keywords_of_threads_are_not_supported(which: str) -> None:
    given = {f"{which}InThreadHaveKeyword": "$seen"}
    assert error_of(make_sandbox(), "Email/query", filter=given) == "unsupportedFilter"


def any_of_senders(number: int) -> Json:
    return {"operator": "OR", "conditions": [{"from": f"a{'n' * each}"} for each in range(number)]}


def test_an_or_takes_any_number_of_alternatives_and_an_and_499() -> None:
    ands = [{"operator": "AND", "conditions": [{"inMailbox": "P3"}, any_of_senders(number)]} for number in (499, 500)]
    assert found(any_of_senders(1_000)) == ["ann", "not"]
    assert found(ands[0]) == ["ann", "not"]
    assert error_of(make_sandbox(), "Email/query", filter=ands[1]) == "unsupportedFilter"


def test_alternatives_multiply() -> None:
    both = {"operator": "AND", "conditions": [any_of_senders(23), any_of_senders(22)]}
    assert error_of(make_sandbox(), "Email/query", filter=both) == "unsupportedFilter"


def test_sorts() -> None:
    assert found(None, sort=[{"property": "receivedAt", "isAscending": False}]) == ["bob", "not", "ann"]
    assert found(None, sort=[{"property": "subject"}]) == ["not", "ann", "bob"]
    assert error_of(make_sandbox(), "Email/query", sort=[{"property": "colour"}]) == "unsupportedSort"


def test_section_4_4_2_sorts_look_at_moments_base_subjects_and_names() -> None:
    sandbox = make_sandbox()
    heads = (
        'From: "Zoe" <a@x.org>\r\nSubject: Re: [list] apples\r\nDate: Thu, 5 Mar 2026 08:00:00 +0200',
        "From: mia@x.org\r\nSubject: Bread\r\nDate: Thu, 5 Mar 2026 07:00:00 +0000",
        "From: Ben <z@x.org>\r\nSubject: apples",
    )
    names = {sandbox.deliver(raw=f"{head}\r\n\r\nHello".encode()): str(n) for n, head in enumerate(heads)}

    def order(name: str) -> str:
        ids = call(sandbox, "Email/query", sort=[{"property": name, "collation": "i;ascii-casemap"}])["ids"]
        return "".join(names[mail_id] for mail_id in ids)

    assert {name: order(name) for name in ("sentAt", "subject", "from")} == {
        "sentAt": "201",
        "subject": "021",
        "from": "210",
    }


def test_rfc_8620_section_5_5_an_unknown_collation_is_not_supported() -> None:
    sort = [{"property": "subject", "collation": "i;nonsense"}]
    assert error_of(make_sandbox(), "Email/query", sort=sort) == "unsupportedSort"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"limit": 2}, ["ann", "not"]),
        ({"position": 1}, ["not", "bob"]),
        ({"position": -1}, ["bob"]),
        ({"position": 1, "limit": 1}, ["not"]),
        ({"position": 9}, []),
        ({"limit": 0}, []),
        ({"anchor": "M2"}, ["not", "bob"]),
        ({"anchor": "M2", "anchorOffset": -1, "limit": 1}, ["ann"]),
    ],
)
def test_the_window_moves(arguments: Json, expected: list[str]) -> None:
    assert found(None, **arguments) == expected


def test_an_unknown_anchor_is_not_found() -> None:
    assert error_of(make_sandbox(), "Email/query", anchor="M99") == "anchorNotFound"


def test_the_total_comes_only_when_asked_for() -> None:
    sandbox, _ = mailbox_with_mails()
    assert "total" not in call(sandbox, "Email/query", limit=1)
    assert call(sandbox, "Email/query", limit=1, calculateTotal=True)["total"] == 3


def test_a_server_may_answer_shorter_pages_than_asked_for() -> None:
    sandbox = make_sandbox(limits=Limits(max_query_page=2))
    ids = [sandbox.deliver() for _ in range(3)]
    answer = call(sandbox, "Email/query", limit=50)
    assert (answer["ids"], answer["limit"]) == (ids[:2], 2)
    assert call(sandbox, "Email/query", limit=50, position=2)["ids"] == ids[2:]


def test_threads_collapse_to_their_first_mail() -> None:
    sandbox = make_sandbox()
    first = sandbox.deliver(raw=b"From: a@example.org\r\nMessage-ID: <one@x>\r\n\r\nHello")
    sandbox.deliver(raw=b"From: b@example.org\r\nReferences: <one@x>\r\n\r\nYes")
    assert call(sandbox, "Email/query", collapseThreads=True, calculateTotal=True)["ids"] == [first]
