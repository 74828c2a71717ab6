"""Who waits, and what a tap does: with forms alone, as a browser without JavaScript sends them, and with htmx."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
import trio
from markupsafe import escape

from mailroom import http
from mailroom.page import undoing
from mailroom.page.words import key_of
from mailroom.sandbox import Limits, Sandbox
from mailroom.sandbox.faults import Delay, Endpoint, status
from mailroom.sandbox.message import compose
from tests.exhaustive import always, first_of
from tests.new_mail import join
from tests.page.support import SCREENING, page
from tests.screener import empty_sandbox

ANN = "Ann Lee <ann@example.org>"
HTMX = {"HX-Request": "true"}


def sandbox_with(senders: int, mails: int = 1, limits: Limits | None = None) -> Sandbox:
    sandbox = empty_sandbox(limits)
    for number in range(senders):
        for _ in range(mails):
            sandbox.deliver(f"Sender {number} <s{number}@example.org>", "Hi", ["Screener"])
    return sandbox


async def test_a_card_a_sender_who_wrote_last_first() -> None:
    sandbox = empty_sandbox()
    now = datetime.now(UTC)
    for hours, who, subject in ((3, ANN, "One"), (2, "Bob <bob@example.org>", "Two"), (1, ANN, "Three")):
        sandbox.deliver(who, subject, ["Screener"], received_at=now - timedelta(hours=hours))
    async with page(sandbox) as served_page, served_page.owner() as owner:
        assert owner.senders == ["ann@example.org", "bob@example.org"]
        assert "<title>(2) Waiting · Mailroom</title>" in owner.text
        assert "2 senders, 3 mails" in owner.text
        assert "Three" in owner.text
        assert "One" not in owner.text
        assert ">1 h ago</time>" in owner.text


async def test_nobody_waits() -> None:
    async with page() as served_page, served_page.owner() as owner:
        assert "<title>Waiting · Mailroom</title>" in owner.text
        assert "Nobody at the door" in owner.text


class TestATap:
    async def test_files_all_mail_of_the_sender(self) -> None:
        sandbox = sandbox_with(2, mails=3)
        async with page(sandbox, debounce_seconds=60) as served_page, served_page.owner() as owner:
            line = await owner.tap("s0@example.org", "Feed")
            assert "→ Feed, being filed" in line.text
            assert f'id="{key_of("s0@example.org")}"' in line.text
            # No debounce holds it up.
            await served_page.filed()
            assert len(sandbox.mails_in("Feed")) == 3
            assert sandbox.groups()["Feed"] == {"s0@example.org"}
            await owner.get("/")
            assert owner.senders == ["s1@example.org"]

    async def test_leads_back_to_the_page_without_javascript(self) -> None:
        sandbox = sandbox_with(1)
        async with page(sandbox) as served_page, served_page.owner() as owner:
            mails = owner.mails_on_card("s0@example.org")
            answer = await owner.post("/decide", sender="s0@example.org", mail=mails, category="Jail")
            assert (answer.status_code, answer.headers["location"]) == (303, "/")
            await served_page.filed()
            assert len(sandbox.mails_in("Jail")) == 1

    async def test_twice_is_one(self) -> None:
        sandbox = sandbox_with(1, mails=2)
        async with page(sandbox) as served_page, served_page.owner() as owner:
            await owner.tap("s0@example.org", "Feed")
            await owner.tap("s0@example.org", "Feed")
            await served_page.filed()
            late = await owner.tap("s0@example.org", "Feed")
            assert "→ Feed, filed" in late.text
            assert len(sandbox.mails_in("Feed")) == 2
            assert not sandbox.mails_in("@ToFeed")

    async def test_on_somebody_who_is_gone_does_nothing(self) -> None:
        sandbox = sandbox_with(1)
        async with page(sandbox) as served_page, served_page.owner() as owner:
            (mail,) = sandbox.mails_in("Screener")
            sandbox.move(mail, "Archive")
            assert "waits no longer" in (await owner.tap("s0@example.org", "Feed")).text
            sandbox.delete(mail)
            assert "waits no longer" in (await owner.tap("s0@example.org", "Feed")).text
            assert not sandbox.mails_in("@ToFeed")

    async def test_labels_no_mail_of_anybody_else(self) -> None:
        sandbox = sandbox_with(2)
        async with page(sandbox) as served_page, served_page.owner() as owner:
            others = owner.mails_on_card("s1@example.org")
            answer = await owner.post("/decide", HTMX, sender="s0@example.org", mail=others, category="Feed")
            assert "waits no longer" in answer.text
            assert len(sandbox.mails_in("Screener")) == 2

    async def test_of_two_browsers_that_race_the_last_one_counts(self) -> None:
        sandbox = sandbox_with(1, mails=2)
        async with page(sandbox) as served_page, served_page.owner() as one, served_page.owner() as other:
            sandbox.label(one.mails_on_card("s0@example.org")[0], "@ToFeed")
            await other.tap("s0@example.org", "Jail")
            await served_page.filed()
            assert {*map(len, map(sandbox.mails_in, ("@MailroomError", "@ToFeed", "@ToJail")))} == {0}
            assert len(sandbox.mails_in("Jail")) + len(sandbox.mails_in("Feed")) == 2

    async def test_of_two_browsers_in_the_same_moment_loses_nothing_and_asks_at_the_most(self) -> None:
        sandbox = sandbox_with(1, mails=2)
        async with page(sandbox) as served_page, served_page.owner() as one, served_page.owner() as other:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(one.tap, "s0@example.org", "Feed")
                nursery.start_soon(other.tap, "s0@example.org", "Jail")
            labels = ("@ToFeed", "@ToJail")
            while any(map(sandbox.mails_in, labels)) and not sandbox.mails_in("@MailroomError"):
                await served_page.settled()
            await other.get("/")
            if sandbox.mails_in("@MailroomError"):
                assert "one tap decides" in other.text
                await other.tap("s0@example.org", "Jail")
                await served_page.filed()
            assert {*map(len, map(sandbox.mails_in, ("@MailroomError", "@ToFeed", "@ToJail", "Screener")))} == {0}
            assert sorted(map(len, map(sandbox.mails_in, ("Feed", "Jail")))) == [0, 2]

    @pytest.mark.parametrize("category", always(1, ["Jail", "Imbox"]))
    async def test_decides_about_mail_that_is_in_nothing_but_labels(self, category: str) -> None:
        sandbox = empty_sandbox()
        for label in ("@ToFeed", "@ToImbox"):
            # An app that knows folders only: a label takes the mail out of the Screener.
            sandbox.deliver(ANN, mailboxes=[label])
        async with page(sandbox) as served_page, served_page.owner() as owner:
            assert len(sandbox.mails_in("@MailroomError")) == 2
            assert f"→ {category}, being filed" in (await owner.tap("ann@example.org", category)).text
            await served_page.filed()
            assert len(sandbox.mails_in(category)) == 2

    async def test_for_several_chosen_senders_at_once(self) -> None:
        sandbox = sandbox_with(3, mails=2)
        async with page(sandbox) as served_page, served_page.owner() as owner:
            chosen = ["s0@example.org", "s2@example.org", "nobody@example.org"]
            answer = await owner.post("/decide", HTMX, sender=chosen, category="Feed")
            assert answer.text.count("being filed") == 2
            assert answer.text.count("waits no longer") == 1
            await served_page.filed()
            assert len(sandbox.mails_in("Feed")) == 4

    @pytest.mark.parametrize("form", [{"category": "Nowhere"}, {"category": ""}, {"category": "Feed", "sender": []}])
    async def test_that_means_nothing_is_refused(self, form: dict[str, object]) -> None:
        async with page(sandbox_with(1)) as served_page, served_page.owner() as owner:
            answer = await owner.post("/decide", HTMX, **{"sender": "s0@example.org"} | form)
            assert answer.status_code == 400
            assert len(served_page.sandbox.mails_in("Screener")) == 1


class TestUndo:
    async def test_takes_a_label_off_before_it_counts(self) -> None:
        sandbox = sandbox_with(1, mails=2)
        async with page(sandbox, debounce_seconds=60) as served_page, served_page.owner() as owner:
            mails = owner.mails_on_card("s0@example.org")
            sandbox.label(mails[0], "@ToFeed")
            await owner.get("/")
            assert "→ Feed, being filed" in owner.text
            answer = await owner.post("/undo", HTMX, sender="s0@example.org", mail=mails, did="decided")
            assert 'value="Imbox"' in answer.text
            assert sandbox.mailboxes_of(mails[0]) == {"Screener"}

    @pytest.mark.parametrize("step", always(1, ["apply", "look up", "commit"]))
    async def test_while_the_pass_is_under_way_leaves_no_decision(self, step: str) -> None:
        sandbox = sandbox_with(1, mails=2)
        async with page(sandbox, SCREENING, debounce_seconds=60) as served_page, served_page.owner() as owner:
            mails = owner.mails_on_card("s0@example.org")
            # Two requests of the tap, and the scan, go before.
            steps = ["look up", "apply", "commit"]
            sandbox.faults.next_request(Delay(0.3), skip=3 + steps.index(step))
            before = served_page.status.last_success
            await owner.tap("s0@example.org", "Feed")
            await served_page.struck()
            card = await owner.undo("s0@example.org", mails, "Feed")
            assert 'value="Imbox"' in card.text
            await served_page.status.success_after(before)
            assert len(sandbox.mails_in("Screener")) == 2
            assert not sandbox.groups()["Feed"]

    async def test_says_so_where_the_pass_takes_too_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(undoing, "_PATIENCE_SECONDS", 0.01)
        sandbox = sandbox_with(1)
        async with page(sandbox, SCREENING, debounce_seconds=60) as served_page, served_page.owner() as owner:
            mails = owner.mails_on_card("s0@example.org")
            sandbox.faults.next_request(Delay(0.3), skip=4)
            before = served_page.status.last_success
            await owner.tap("s0@example.org", "Feed")
            await served_page.struck()
            told = await owner.undo("s0@example.org", mails, "Feed")
            assert (told.status_code, "being filed just now. Try again" in told.text) == (409, True)
            await served_page.status.success_after(before)
            assert sandbox.mails_in("Feed") == mails
            assert 'value="Imbox"' in (await owner.undo("s0@example.org", mails, "Feed")).text

    async def test_of_a_tap_whose_pass_was_cut_off_leaves_no_decision(self) -> None:
        sandbox = sandbox_with(1, mails=2)
        async with page(sandbox, SCREENING, debounce_seconds=60) as served_page, served_page.owner() as owner:
            mails = owner.mails_on_card("s0@example.org")
            sandbox.faults.next_request(status(503), skip=5)
            await owner.tap("s0@example.org", "Feed")
            await served_page.struck()
            assert sandbox.groups()["Feed"]
            await owner.undo("s0@example.org", mails, "Feed")
            assert len(sandbox.mails_in("Screener")) == 2
            assert not sandbox.groups()["Feed"]

    async def test_leaves_an_older_decision_alone(self) -> None:
        sandbox = sandbox_with(1)
        decided = "— Mailroom —\nCreated by Mailroom\nTriaged to Feed on 2026-03-05T14:03Z"
        join(sandbox, "Feed", sandbox.add_card("s0@example.org", "Sender 0", notes={"n1": {"note": decided}}))
        async with page(sandbox, debounce_seconds=60) as served_page, served_page.owner() as owner:
            (mail,) = owner.mails_on_card("s0@example.org")
            sandbox.label(mail, "@ToFeed")
            assert 'value="Imbox"' in (await owner.undo("s0@example.org", [mail], "Feed")).text
            assert sandbox.groups()["Feed"] == {"s0@example.org"}

    async def test_brings_back_what_was_let_in(self) -> None:
        sandbox = sandbox_with(1, mails=2)
        async with page(sandbox) as served_page, served_page.owner() as owner:
            mails = owner.mails_on_card("s0@example.org")
            answer = await owner.post("/let-in", HTMX, sender="s0@example.org", mail=mails)
            assert "let in: 2 mails in the Inbox" in answer.text
            assert len(sandbox.mails_in("Inbox")) == 2
            assert not sandbox.groups()["Imbox"]
            await owner.post("/undo", HTMX, sender="s0@example.org", mail=mails, did="let in")
            assert len(sandbox.mails_in("Screener")) == 2
            assert not sandbox.mails_in("Inbox")


async def test_mail_without_a_usable_sender_can_be_let_in() -> None:
    sandbox = empty_sandbox()
    mail = sandbox.deliver("Ann <ann@example.org>, Bob <bob@example.org>", "Both of us", ["Screener"])
    async with page(sandbox) as served_page, served_page.owner() as owner:
        assert "No usable sender" in owner.text
        await owner.post("/let-in", HTMX, sender="", mail=mail)
        assert sandbox.mailboxes_of(mail) == {"Inbox"}


class TestSearch:
    async def test_finds_by_name_address_and_the_subject_that_the_card_shows(self) -> None:
        sandbox = sandbox_with(3)
        now = datetime.now(UTC)
        for hours, subject in ((2, "An older one"), (1, "Your Rückgabe")):
            sent = now - timedelta(hours=hours)
            sandbox.deliver("Zoë Brandt <zb@shop.example>", subject, ["Screener"], received_at=sent)
        zoe = ["zb@shop.example"]
        async with page(sandbox) as served_page, served_page.owner() as owner:
            for words, found in (
                ("zoë", zoe),
                ("SHOP zb", zoe),
                ("rückgabe brandt", zoe),
                ("older", []),
                ("none", []),
            ):
                owner.text = (await owner.post("/search", q=words)).text
                assert owner.senders == found
            assert "No such sender waits" in owner.text

    async def test_pages_hold_fifty(self) -> None:
        async with page(sandbox_with(101)) as served_page, served_page.owner() as owner:
            seen = list(owner.senders)
            for number in ("2", "3", "99", "x"):
                owner.text = (await owner.post("/search", q="", page=number)).text
                seen += owner.senders if number in "23" else []
            assert (len(seen), len(set(seen))) == (101, 101)


class TestOpening:
    async def test_lets_everybody_in_for_a_while(self) -> None:
        sandbox = empty_sandbox()
        async with page(sandbox, SCREENING) as served_page, served_page.owner() as owner:
            assert "Open 15 min" in owner.text
            assert (await owner.post("/open", minutes="15")).status_code == 303
            await owner.get("/")
            assert "Open to all until" in owner.text
            mail = sandbox.deliver(ANN, "Your code", ["Inbox"])
            await served_page.settled()
            assert sandbox.mailboxes_of(mail) == {"Inbox"}
            await owner.post("/open", minutes="0")
            await owner.get("/")
            assert "Open 15 min" in owner.text

    async def test_is_not_offered_where_nothing_is_screened(self) -> None:
        async with page() as served_page, served_page.owner() as owner:
            assert "Open 15 min" not in owner.text

    @first_of("minutes", ["61", "-1", "x", "", "\u0661"])
    async def test_has_its_limit(self, minutes: str) -> None:
        async with page(scheme=SCREENING) as served_page, served_page.owner() as owner:
            assert (await owner.post("/open", minutes=minutes)).status_code == 400


@pytest.mark.parametrize("senders", always(2, [1, 60, 600]))
async def test_the_page_is_three_requests_for_any_number_of_senders(senders: int) -> None:
    sandbox = empty_sandbox()
    for number in range(senders):
        # Marked already: the daemon has nothing to do about it.
        marks = ("mailroom-seen", "mailroom-waiting")
        sandbox.deliver(f"Sender {number} <s{number}@example.org>", "Hi", ["Screener"], keywords=marks)
    # The pass that its own writes ring for comes after the debounce; a tap waits for none.
    async with page(sandbox, SCREENING, debounce_seconds=60) as served_page, served_page.owner() as owner:
        before = len(sandbox.requests)
        await owner.get("/")
        assert len(sandbox.requests) - before == 3
        assert len(owner.senders) == min(senders, 50)
        before = len(sandbox.requests)
        await owner.tap(owner.senders[0], "Feed")
        await served_page.filed()
        # Two of the tap, four of the pass.
        assert len(sandbox.requests) - before == 6


async def test_a_server_with_small_pages_tells_all_the_same() -> None:
    sandbox = sandbox_with(23, limits=Limits(max_objects_in_get=5, max_query_page=2))
    async with page(sandbox) as served_page, served_page.owner() as owner:
        assert len(owner.senders) == 23


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }} {% raw %}",
    "]]>--><!--",
    "' onfocus=alert(1) autofocus '",
)


class TestWhatStrangersWrite:
    @first_of("text", HOSTILE)
    async def test_is_text(self, text: str) -> None:
        sandbox = empty_sandbox()
        now = datetime.now(UTC)
        raw = compose("x <a@b.example>", "me@example.org", text, text, now, "1@x.example")
        raw = raw.replace(b"x <a@b.example>", f"=?utf-8?q?{quote(text).replace('%', '=')}?= <a@b.example>".encode())
        sandbox.deliver(raw=raw, mailboxes=["Screener"], received_at=now)
        async with page(sandbox) as served_page, served_page.owner() as owner:
            assert owner.senders == ["a@b.example"]
            line = await owner.tap("a@b.example", "Feed", text)
            for shown in (owner.text, line.text):
                assert str(escape(text)) in shown
                assert text not in shown or text == str(escape(text))

    @first_of("text", HOSTILE)
    async def test_is_text_in_addresses_and_in_whatever_a_form_or_an_address_of_ours_says(self, text: str) -> None:
        sandbox = empty_sandbox()
        quoted = '"' + text.replace("\\", "").replace('"', "") + '"@b.example'
        raw = compose(ANN, "me@example.org", "Hi", "Hi", datetime.now(UTC), "1@x.example")
        sandbox.deliver(raw=raw.replace(ANN.encode(), f"Eve <{quoted}>".encode()), mailboxes=["Screener"])
        async with page(sandbox) as served_page, served_page.owner() as owner:
            shown = [owner.text]
            for path, fields in (
                ("/decide", {"sender": text, "called": text, "mail": text, "category": "Feed"}),
                ("/let-in", {"sender": text, "mail": text}),
                ("/spam", {"sender": text}),
                ("/undo", {"sender": text, "called": text, "mail": text, "did": text, "category": text}),
                ("/search", {"q": text, "page": text}),
                ("/decided", {"q": text, "in": text}),
                ("/decided/change", {"sender": "ann@example.org", "in": text, "category": text}),
                ("/history/undo", {"sender": "ann@example.org", "category": text}),
                ("/whole", {"wide": text, "mail": text, "category": "Feed"}),
                ("/clear", {"to": text}),
                ("/open", {"minutes": text}),
                ("/login", {"name": text, "password": text}),
            ):
                for headers in (HTMX, {}):
                    shown.append((await owner.post(path, headers, **fields)).text)
            for path, query in (("/decided", {"in": text}), ("/whole", {"wide": "domain", "mail": text})):
                shown.append((await owner.http.get(path, params=query)).text)
            assert not [each for each in shown if text in each and text != str(escape(text))]

    async def test_shows_what_would_turn_the_text_around(self) -> None:
        sandbox = empty_sandbox()
        sandbox.deliver("Ann\u202eeel <ann@example.org>", "pay\u202egnp.exe\u2066", ["Screener"])
        async with page(sandbox) as served_page, served_page.owner() as owner:
            assert "⟨U+202E⟩" in owner.text
            assert not {"\u202e", "\u2066"} & set(owner.text)

    async def test_is_cut_where_it_is_endless(self) -> None:
        sandbox = empty_sandbox()
        sandbox.deliver(ANN, "x" * 1_000_000, ["Screener"])
        async with page(sandbox) as served_page, served_page.owner() as owner:
            assert owner.senders == ["ann@example.org"]
            assert len(owner.text) < 20_000

    async def test_may_be_megabytes_of_many_and_hides_nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http, "MAX_REPLY_BYTES", 200_000)
        sandbox = empty_sandbox()
        for number in range(20):
            sandbox.deliver(f"s{number}@example.org", f"{number} {'x' * 20_000}", ["Screener"])
        async with page(sandbox) as served_page, served_page.owner() as owner:
            assert len(owner.senders) == 20
            # Their subjects together are more than an answer may hold: names are searched all the same.
            owner.text = (await owner.post("/search", q="s7")).text
            assert owner.senders == ["s7@example.org"]

    async def test_unsubscribe_is_a_plain_link_and_nothing_that_runs(self) -> None:
        sandbox = empty_sandbox()
        for number, field in enumerate(("<javascript:alert(1)>", "<mailto:a@b>, <https://shop.example/u?a=1&b=2>")):
            raw = compose(f"s{number}@shop.example", "me@x.example", "Sale", "Hi", datetime.now(UTC), f"{number}@x")
            sandbox.deliver(raw=f"List-Unsubscribe: {field}\r\n".encode() + raw, mailboxes=["Screener"])
        async with page(sandbox) as served_page, served_page.owner() as owner:
            assert "javascript:" not in owner.text
            assert 'href="https://shop.example/u?a=1&amp;b=2" target="_blank" rel="noreferrer' in owner.text
            assert owner.text.count("Unsubscribe") == 1


async def test_a_form_that_is_too_long_is_refused() -> None:
    async with page(sandbox_with(1)) as served_page, served_page.owner() as owner:
        answer = await owner.post("/search", q="x" * 100_000)
        assert answer.status_code == 400


async def test_a_mail_server_that_fails_is_told_and_nothing_is_lost() -> None:
    sandbox = sandbox_with(1)
    async with page(sandbox) as served_page, served_page.owner() as owner:
        sandbox.faults.next_request(status(503), endpoint=Endpoint.API, times=None)
        whole = await owner.http.get("/")
        assert (whole.status_code, "The mail server didn" in whole.text) == (503, True)
        assert '<a class="button" href="/decided">Try again</a>' in (await owner.http.get("/decided")).text
        part = await owner.tap("s0@example.org", "Feed")
        assert (part.status_code, "<html" in part.text, "Nothing was lost" in part.text) == (503, False, True)


async def test_health_is_told_in_words() -> None:
    async with page(sandbox_with(1, mails=3)) as served_page, served_page.owner() as owner:
        await owner.tap("s0@example.org", "Feed")
        while not served_page.status.recent:
            await served_page.settled()
        await owner.get("/health")
        for words in ("All is well", "It was last asked", "Sender 0", "Feed, 3 mails filed"):
            assert words in owner.text
