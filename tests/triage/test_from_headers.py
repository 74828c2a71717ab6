"""From headers as the world writes them, all the way from the raw mail to the contact card."""

import pytest

from tests.exhaustive import always
from tests.screener import empty_sandbox, screener


def raw(sender: bytes | None) -> bytes:
    header = b"" if sender is None else b"From: " + sender + b"\r\n"
    return header + b"To: robin@example.com\r\nSubject: Hi\r\nDate: Thu, 05 Mar 2026 10:00:00 +0000\r\n\r\nHello.\r\n"


USABLE = [
    pytest.param(
        b"=?iso-8859-1?q?J=FCrgen?= =?utf-8?b?TcO8bGxlcg==?= <j@x.org>", "j@x.org", "JürgenMüller", id="two charsets"
    ),
    pytest.param(b'"ann lee"@x.org', '"ann lee"@x.org', '"ann lee"', id="quoted local part"),
    pytest.param("Käthe <k@bücher.example>".encode(), "k@xn--bcher-kva.example", "Käthe", id="international domain"),
    pytest.param(b"Team: Ann <ann@x.org>;", "ann@x.org", "Ann", id="group syntax"),
    pytest.param(b"\"'Ann Lee' via Team\" <ann@x.org>", "ann@x.org", "Team", id="a list that sends for somebody"),
    pytest.param(b"An\x07n\x01\x1fLee <ann@x.org>", "ann@x.org", "An n Lee", id="control characters"),
    pytest.param(b"=?utf-8?q?J=C3=BCrgen_M=C3=BCller?= <j@x.org>", "j@x.org", "Jürgen Müller", id="encoded word"),
    pytest.param(b"=?windows-1251?b?yOLg7Q==?= <i@x.org>", "i@x.org", "Иван", id="cyrillic"),
    pytest.param(b'"Lee, Ann" <ann@x.org>', "ann@x.org", "Lee, Ann", id="quoted comma"),
    pytest.param(b"ANN@X.ORG", "ann@x.org", "ann", id="upper case and no name"),
    pytest.param(b'"ann"@x.org', "ann@x.org", "ann", id="needlessly quoted local part"),
    pytest.param(b"first.last+tag@x.org", "first.last+tag@x.org", "first.last+tag", id="dots and a tag"),
    pytest.param(b"K <k@xn--bcher-kva.example>", "k@xn--bcher-kva.example", "K", id="the same in ASCII"),
    pytest.param("Jø <jø@x.org>".encode(), "jø@x.org", "Jø", id="international local part"),
    pytest.param(b"Ann <ann@x.org>, ANN@x.org", "ann@x.org", "Ann", id="one address twice"),
    pytest.param(b"=?utf-8?b?4oCL?= <ann@x.org>", "ann@x.org", "ann", id="a name that shows nothing"),
    pytest.param(b"Ann (from work) <ann@x.org>", "ann@x.org", None, id="comment"),
    pytest.param(b'"ann@x.org" <ann@x.org>', "ann@x.org", "ann", id="the name is the address"),
    pytest.param(b"N" * 300 + b" <ann@x.org>", "ann@x.org", "N" * 200, id="a very long name"),
    pytest.param(b"\r\n Ann\r\n <ann@x.org>", "ann@x.org", "Ann", id="folded"),
]


@pytest.mark.parametrize(("header", "address", "name"), always(6, USABLE))
async def test_a_sender_is_settled_under_its_canonical_address_and_a_clean_name(
    header: bytes, address: str, name: str | None
) -> None:
    sandbox = empty_sandbox()
    labelled = sandbox.deliver(raw=raw(header))
    other = sandbox.deliver(raw=raw(header))
    sandbox.label(labelled, "@ToFeed")
    async with screener(sandbox) as s:
        outcome = await s.run()
        assert outcome.senders_triaged == 1
        assert sandbox.groups()["Feed"] == {address}
        assert sandbox.mailboxes_of(labelled) == sandbox.mailboxes_of(other) == {"Feed"}
        (card,) = sandbox.cards()
        assert name is None or card["name"]["full"] == name


UNUSABLE = [
    pytest.param(None, id="no From header"),
    pytest.param(b"", id="empty"),
    pytest.param(b"undisclosed-recipients:;", id="empty group"),
    pytest.param(b"Ann", id="only a name"),
    pytest.param(b"Ann <>", id="empty address"),
    pytest.param(b"<@x.org>", id="no local part"),
    pytest.param(b"Ann <ann@x.org>, Bob <bob@x.org>", id="several addresses"),
]


@pytest.mark.parametrize("header", UNUSABLE)
async def test_mail_of_no_usable_sender_gets_the_error_label(header: bytes | None) -> None:
    sandbox = empty_sandbox()
    mail = sandbox.deliver(raw=raw(header))
    sandbox.label(mail, "@ToFeed")
    async with screener(sandbox) as s:
        await s.run()
        assert sandbox.mailboxes_of(mail) == {"Screener", "@ToFeed", "@MailroomError"}
        assert sandbox.cards() == []


SPELLINGS = [
    (b"Ann <ann@x.org>", b"ANN@X.ORG"),
    (b"Ann <ann@x.org>", b'"ann"@x.org'),
    ("K <k@bücher.example>".encode(), b"K <k@xn--bcher-kva.example>"),
]


@pytest.mark.parametrize(("one", "other"), SPELLINGS)
@pytest.mark.parametrize("labelled_first", [True, False])
async def test_the_same_sender_in_two_spellings_is_one_sender(one: bytes, other: bytes, labelled_first: bool) -> None:
    sandbox = empty_sandbox()
    mails = [sandbox.deliver(raw=raw(each)) for each in (one, other)]
    sandbox.label(mails[0 if labelled_first else 1], "@ToFeed")
    async with screener(sandbox) as s:
        await s.run()
        assert [sandbox.mailboxes_of(mail) for mail in mails] == [{"Feed"}, {"Feed"}]
        assert len(sandbox.cards()) == 1


async def test_own_addresses_are_never_triaged() -> None:
    sandbox = empty_sandbox()
    mail = sandbox.deliver(f"Robin <{sandbox.email.upper()}>")
    sandbox.label(mail, "@ToFeed")
    async with screener(sandbox) as s:
        await s.run()
        assert "@MailroomError" in sandbox.mailboxes_of(mail)
        assert sandbox.cards() == []
