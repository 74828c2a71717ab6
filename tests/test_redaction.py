"""What is masked in all that is said."""

import base64
from collections.abc import Callable
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from mailroom.errors import BadReply, ConfigError, MailroomError, Unavailable
from mailroom.http import Credentials, basic, bearer
from mailroom.redaction import MASK, redacted

TOKEN = "t0k.N+17/Q"  # noqa: S105  invented
PASSWORD = 'pa"ß wör/d'  # noqa: S105  invented


@pytest.fixture(autouse=True)
def known() -> None:
    Credentials(bearer(SecretStr(TOKEN)))
    Credentials(basic("ann", SecretStr(PASSWORD)))


@pytest.mark.parametrize(
    "said",
    [
        TOKEN,
        TOKEN.lower(),
        quote(TOKEN, safe=""),
        PASSWORD,
        quote(PASSWORD),
        r"pa\"\u00df w\u00f6r/d",
        base64.b64encode(f"ann:{PASSWORD}".encode()).decode(),
    ],
)
def test_a_login_is_masked_as_soon_as_it_is_used(said: str) -> None:
    assert redacted(f"HTTP 500: {said}, {said}.") == "HTTP 500: [secret], [secret]."


def test_other_words_stay() -> None:
    assert redacted("ann answered HTTP 500") == "ann answered HTTP 500"


def test_one_that_is_the_beginning_of_another_leaves_nothing_of_it() -> None:
    Credentials(bearer(SecretStr(f"{TOKEN}longer")))
    assert redacted(f"{TOKEN}longer") == "[secret]"


def test_one_of_a_few_letters_masks_no_words() -> None:
    Credentials(bearer(SecretStr("an")))
    assert redacted("an answer") == "an answer"


@pytest.mark.parametrize(
    "made",
    [Unavailable, lambda text: BadReply(text, expected=text), lambda text: ConfigError([text])],
    ids=["Unavailable", "BadReply", "ConfigError"],
)
def test_no_error_holds_any(made: Callable[[str], MailroomError]) -> None:
    error = made(f"x {TOKEN}")
    assert TOKEN not in f"{error} {error!r}"
    assert MASK in str(error)


def test_letters_that_become_two_in_small_keep_what_follows_in_its_place() -> None:
    assert redacted(f"İİİ {TOKEN} İİ {TOKEN.upper()} end") == "İİİ [secret] İİ [secret] end"


def test_of_thousands_of_secrets_each_is_masked() -> None:
    tokens = [f"fmu1-{number:04}" for number in range(3000)] + [f"{number:04}-x" for number in range(3000)]
    for token in tokens:
        Credentials(bearer(SecretStr(token)))
    said = tokens[::50]
    assert redacted(" ".join(said)) == " ".join([MASK] * len(said))
