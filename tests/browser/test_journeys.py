"""What an owner does on the page, and sees."""

import re
from typing import Any

import pytest

from mailroom.sandbox import Sandbox
from mailroom.sandbox.faults import Endpoint, status
from tests.browser.visitor import DESK, PHONE, visitor
from tests.browser.world import World, world
from tests.page.support import PASSWORD
from tests.page.test_waiting import HOSTILE
from tests.screener import empty_sandbox

EVERYWHERE = pytest.mark.parametrize("look", ["light", "dark"])
SIZES = pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])


@EVERYWHERE
@SIZES
def test_everything_is_accessible_and_large_enough(
    chromium: Any, sample: World, look: str, size: dict[str, int]
) -> None:
    with visitor(chromium, sample, color_scheme=look, viewport=size) as owner:
        owner.visit("/login")
        assert (owner.accessibility_problems(), owner.small_targets()) == ([], [])
        owner.log_in()
        owner.card("Kiosk Weekly").locator(".preview summary").click()
        owner.card("Harbour Bank").locator(".more summary").click()
        owner.tap("Sofa & Co", "Feed")
        owner.shows("filed 1 mail in Feed")
        assert (owner.accessibility_problems(), owner.small_targets()) == ([], [])
        for path in ("/decided", "/history", "/clear", "/health"):
            owner.visit(path)
            assert (owner.accessibility_problems(), owner.small_targets()) == ([], [])


def test_a_wrong_password_and_then_the_right_one(chromium: Any, sample: World) -> None:
    with visitor(chromium, sample, expected=("status of 403",)) as owner:
        owner.visit("/")
        owner.page.fill("[name=password]", "not the password")
        owner.page.keyboard.press("Enter")
        owner.page.locator("[role=alert]", has_text="The password is wrong").wait_for()
        owner.page.fill("[name=password]", PASSWORD)
        owner.page.keyboard.press("Enter")
        owner.shows("16 senders, 32 mails")
        assert owner.page.title() == "(16) Waiting · Mailroom"


@SIZES
def test_a_tap_turns_a_card_into_a_line_and_nothing_moves(chromium: Any, sample: World, size: dict[str, int]) -> None:
    with visitor(chromium, sample, viewport=size) as owner:
        owner.log_in()
        where = owner.card("Harbour Bank").bounding_box(), owner.card("Forum Digest").bounding_box()
        button = owner.card("Harbour Bank").get_by_role("button", name="Feed").bounding_box()
        # Twice at the same place, as fingers do: the next sender must not be hit.
        middle = button["x"] + button["width"] / 2, button["y"] + button["height"] / 2
        owner.page.mouse.dblclick(*middle)
        owner.shows("filed 1 mail in Feed")
        assert owner.card("Harbour Bank").bounding_box() == where[0]
        assert owner.card("Forum Digest").bounding_box() == where[1]
        assert sample.do(lambda: sample.sandbox.groups()["Feed"]) == {"statements@harbourbank.example"}
        owner.page.wait_for_function("() => document.title === '(15) Waiting · Mailroom'")
        owner.shows("15 senders, 31 mails")


@SIZES
def test_the_page_stays_as_long_while_its_cards_are_drawn(chromium: Any, sample: World, size: dict[str, int]) -> None:
    with visitor(chromium, sample, viewport=size) as owner:
        owner.log_in()
        until_drawn = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(%s))))"
        before = owner.evaluate(until_drawn % "document.body.scrollHeight")
        for _ in range(8):
            owner.evaluate("scrollBy({top: 600, behavior: 'instant'})")
            # A line that wraps on a card may be more.
            assert abs(owner.evaluate(until_drawn % "document.body.scrollHeight") - before) < 25


@SIZES
def test_what_opens_moves_no_button_and_a_line_is_as_high_as_its_card_until_it_is_out_of_sight(
    chromium: Any, sample: World, size: dict[str, int]
) -> None:
    with visitor(chromium, sample, viewport=size) as owner:
        owner.log_in()
        card = owner.card("Harbour Bank")
        buttons = card.locator("form > .taps > .tap, .more summary")
        card.scroll_into_view_if_needed()
        where = [each.bounding_box() for each in buttons.all()]
        card.locator(".more summary").click()
        assert [each.bounding_box() for each in buttons.all()] == where
        for row in (".rest > .taps:first-child .tap", ".plain .tap"):
            assert len({round(each.bounding_box()["width"]) for each in card.locator(row).all()}) == 1
        below = owner.card("Forum Digest")
        height = below.bounding_box()["y"] - card.bounding_box()["y"]
        owner.tap("Harbour Bank", "Truck")
        owner.shows("filed 1 mail in Truck")
        assert below.bounding_box()["y"] - card.bounding_box()["y"] == height
        last = owner.page.locator(".card").last
        last.scroll_into_view_if_needed()
        owner.page.wait_for_function(
            "name => [...document.querySelectorAll('.done')].some(each => !each.style.minHeight)"
        )
        seen = last.bounding_box()
        assert card.bounding_box()["height"] < height / 2
        assert last.bounding_box() == seen


@SIZES
def test_what_is_filed_can_be_undone(chromium: Any, sample: World, size: dict[str, int]) -> None:
    with visitor(chromium, sample, viewport=size) as owner:
        owner.log_in()
        owner.tap("Harbour Bank", "Feed")
        owner.shows("filed 1 mail in Feed")
        owner.tap("Harbour Bank", "Undo")
        owner.card("Harbour Bank").get_by_role("button", name="Imbox").wait_for()
        owner.shows("16 senders, 32 mails")
        assert sample.do(lambda: sample.sandbox.groups()["Feed"]) == set()


@EVERYWHERE
@SIZES
def test_a_whole_domain_is_decided_after_it_was_said_whom_that_catches(
    chromium: Any, sample: World, look: str, size: dict[str, int]
) -> None:
    sample.deliver("Sofa & Co Service <help@service.sofaandco.example>", "Your sofa")
    with visitor(chromium, sample, color_scheme=look, viewport=size) as owner:
        owner.log_in()
        card = owner.page.locator(".card", has_text="news@sofaandco.example")
        card.locator(".more summary").click()
        card.get_by_role("link", name="Whole domain").click()
        owner.shows("2 senders who wait would be decided at once")
        owner.shows("help@service.sofaandco.example")
        assert (owner.accessibility_problems(), owner.small_targets()) == ([], [])
        owner.page.get_by_role("button", name="Feed").click()
        owner.page.wait_for_function("() => document.title === '(15) Waiting · Mailroom'")


def test_what_was_let_in_can_be_brought_back(chromium: Any, sample: World) -> None:
    with visitor(chromium, sample) as owner:
        owner.log_in()
        owner.card("Kiosk Weekly").locator(".more summary").click()
        owner.card("Kiosk Weekly").get_by_role("button", name="Let this one in").click()
        owner.shows("let in: 2 mails in the Inbox")
        owner.tap("Kiosk Weekly", "Undo")
        owner.card("Kiosk Weekly").get_by_role("button", name="Imbox").wait_for()
        assert owner.page.locator(".card", has_text="Kiosk Weekly").count() == 1


def test_two_browsers_see_each_others_taps_and_new_mail(chromium: Any, sample: World) -> None:
    with visitor(chromium, sample) as one, visitor(chromium, sample, viewport=DESK) as other:
        one.log_in()
        other.log_in()
        one.tap("Harbour Bank", "Feed")
        other.shows("filed 1 mail in Feed")
        sample.deliver("Nora Quist <nora@quist.example>", "Hello")
        for each in (one, other):
            each.page.get_by_role("button", name="1 new").click()
            each.card("Nora Quist").wait_for()
        other.tap("Nora Quist", "Block")
        one.shows("filed 1 mail in Jail")


def test_a_page_that_nobody_sees_hears_nothing_and_is_told_all_anew_on_return(chromium: Any, sample: World) -> None:
    with visitor(chromium, sample) as owner:
        asked: list[str] = []
        owner.page.on("request", lambda request: asked.append(request.url))
        owner.log_in()
        owner.card("Harbour Bank").wait_for()
        hidden = "is => { Object.defineProperty(document, 'hidden', {value: is, configurable: true}); "
        hidden += "document.dispatchEvent(new Event('visibilitychange')) }"
        owner.page.evaluate(hidden, True)
        sample.deliver("Nora Quist <nora@quist.example>", "Hello")
        owner.page.evaluate(hidden, False)
        owner.page.get_by_role("button", name="1 new").wait_for()
        owner.shows("17 senders, 33 mails")
        assert sum("/live?" in url for url in asked) == 2


def test_several_at_once(chromium: Any, sample: World) -> None:
    with visitor(chromium, sample) as owner:
        owner.log_in()
        for name in ("Harbour Bank", "City Energy"):
            owner.card(name).locator(".pick").click()
        bar = owner.page.locator("#chosen")
        bar.get_by_role("button", name="Choose nobody").click()
        bar.wait_for(state="hidden")
        for name in ("Harbour Bank", "City Energy"):
            owner.card(name).locator(".pick").click()
        owner.shows("2 chosen")
        assert owner.accessibility_problems() == []
        large = owner.card("City Energy").locator("form > .taps > .tap").all_inner_texts()
        assert set(large) < set(bar.locator(".tap").all_inner_texts())
        bar.get_by_role("button", name="Paper Trail").click()
        owner.shows("filed 1 mail in Paper Trail")
        owner.shows("filed 2 mails in Paper Trail")
        bar.wait_for(state="hidden")


def test_search_and_back(chromium: Any, sample: World) -> None:
    with visitor(chromium, sample) as owner:
        owner.log_in()
        owner.page.fill("[type=search]", "kowalska")
        owner.page.keyboard.press("Enter")
        owner.shows("1 sender for “kowalska”")
        assert "kowalska" not in owner.page.url
        owner.page.click("text=Show all")
        owner.shows("16 senders")


def test_by_keys_alone(chromium: Any, sample: World) -> None:
    with visitor(chromium, sample, viewport=DESK) as owner:
        keys = owner.page.keyboard
        owner.visit("/")
        keys.type(PASSWORD)
        keys.press("Enter")
        owner.shows("16 senders")
        names = owner.page.locator(".card h2").all_inner_texts()
        keys.press("j")
        keys.press("o")
        assert owner.page.locator(".card:focus .preview[open]").count() == 1
        keys.press("2")
        owner.page.locator(".card", has_text=re.compile(r"filed \d mails in Feed")).wait_for()
        # The next card has the focus, so that the next key means the next sender.
        assert owner.evaluate("document.activeElement.querySelector('h2').textContent") == names[1]
        keys.press("4")
        owner.shows("in Jail")
        keys.press("k")
        assert "Undo" in owner.evaluate("document.activeElement.textContent")
        keys.press("/")
        keys.type("j2")
        assert owner.page.locator("[type=search]").input_value() == "j2"


def test_without_javascript(chromium: Any, sample: World) -> None:
    with visitor(chromium, sample, java_script_enabled=False) as owner:
        owner.log_in()
        owner.card("Kiosk Weekly").locator(".preview summary").click()
        owner.card("Kiosk Weekly").locator(".more summary").click()
        owner.tap("Kiosk Weekly", "Truck")
        owner.page.wait_for_load_state()
        while sample.do(lambda: len(sample.sandbox.mails_in("Truck"))) != 2:
            owner.page.wait_for_timeout(50)
        owner.visit("/")
        assert owner.page.locator(".card", has_text="Kiosk Weekly").count() == 0
        owner.page.fill("[type=search]", "bank")
        owner.page.click("button[aria-label=Search]")
        owner.shows("1 sender for “bank”")


def test_a_page_that_is_cut_off_says_so(chromium: Any, sample: World) -> None:
    expected = ("ERR_INTERNET_DISCONNECTED", "htmx:", "status of 503", "Code 503")
    with visitor(chromium, sample, expected=expected) as owner:
        owner.log_in()
        owner.page.context.set_offline(True)
        owner.tap("Harbour Bank", "Feed")
        owner.page.locator("[role=alert]", has_text="can't be reached").wait_for()
        owner.page.context.set_offline(False)
        sample.do(lambda: sample.sandbox.faults.next_request(status(503), endpoint=Endpoint.API, times=None))
        owner.tap("Harbour Bank", "Feed")
        owner.page.locator("[role=alert]", has_text="Nothing was lost").wait_for()


def test_a_session_that_ended_leads_to_the_login(chromium: Any, sample: World) -> None:
    with visitor(chromium, sample, expected=("status of 401",)) as owner:
        owner.log_in()
        owner.page.context.clear_cookies()
        owner.tap("Harbour Bank", "Feed")
        owner.page.locator("[name=password]").wait_for()


def test_back_after_log_out_shows_no_mail(chromium: Any, sample: World) -> None:
    with visitor(chromium, sample, viewport=DESK) as owner:
        owner.log_in()
        owner.page.click("text=Log out")
        owner.page.locator("[name=password]").wait_for()
        owner.page.go_back()
        owner.page.locator("[name=password]").wait_for()
        assert "Harbour Bank" not in owner.page.content()


@pytest.mark.parametrize("width", [320, 390, 768, 1920])
def test_nothing_is_wider_than_the_screen(chromium: Any, width: int) -> None:
    sandbox: Sandbox = empty_sandbox()
    for text in (*HOSTILE, "W" * 300, "Ein " * 80):
        sandbox.deliver(f'"{text.replace(chr(34), "")}" <{"w" * 60}{abs(hash(text))}@shop.example>', text, ["Screener"])
    with world(sandbox) as running, visitor(chromium, running, viewport={"width": width, "height": 800}) as owner:
        owner.log_in()
        owner.page.locator(".more summary").first.click()
        for path in ("/", "/health"):
            owner.visit(path)
            assert owner.evaluate("document.documentElement.scrollWidth") <= width


def test_nobody_waits(chromium: Any) -> None:
    with world(empty_sandbox()) as running, visitor(chromium, running) as owner:
        owner.log_in()
        owner.shows("Nobody at the door")
        assert owner.accessibility_problems() == []
        running.deliver("Nora Quist <nora@quist.example>", "Hello")
        owner.page.get_by_role("button", name="1 new").click()
        owner.card("Nora Quist").wait_for()
