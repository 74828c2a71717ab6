"""What settings are called in messages: as they were written where they were read."""

import pytest
from pydantic import SecretStr

from mailroom.account.servers import what_to_renew
from mailroom.config.account_settings import AccountSettings
from mailroom.config.keys import VARIABLES, FileKeys, Keys
from tests.conftest import PROJECT

LOGINS = {
    "a token": {"jmap_token": "t"},
    "names": {"jmap_username": "a", "jmap_password": "p", "carddav_username": "b", "carddav_password": "q"},
}


@pytest.mark.parametrize(
    ("login", "keys", "advice"),
    [
        ("a token", VARIABLES, "renew MAILROOM_JMAP_TOKEN and start again"),
        ("a token", FileKeys("anna.toml"), "renew jmap_token in anna.toml"),
        (
            "names",
            FileKeys("anna.toml"),
            "renew jmap_username and jmap_password in anna.toml (mail) or carddav_username and carddav_password in "
            "anna.toml (contacts)",
        ),
    ],
)
def test_a_refused_login_is_named_where_it_is_and_a_file_needs_no_new_start(
    login: str, keys: Keys, advice: str
) -> None:
    assert what_to_renew(AccountSettings.model_validate(LOGINS[login], context=keys)) == advice


@pytest.mark.parametrize(
    ("keys", "assigned", "place"),
    [
        (VARIABLES, "MAILROOM_SCREENING=on", "the file that MAILROOM_CONFIG names"),
        (FileKeys("anna.toml"), 'mode = "on" below [screening] in anna.toml', "anna.toml"),
    ],
)
def test_how_screening_is_turned_on_and_where_the_scheme_is(keys: Keys, assigned: str, place: str) -> None:
    assert (keys.assigned("screening", "on"), keys.scheme_place) == (assigned, place)


@pytest.mark.parametrize(
    ("keys", "typed"), [(VARIABLES, "mailroom spam x@y.z"), (FileKeys("a.b.toml"), "mailroom spam x@y.z --account a.b")]
)
def test_a_command_names_the_account_where_there_are_several(keys: Keys, typed: str) -> None:
    assert keys.command("mailroom spam x@y.z") == typed


def test_settings_made_of_values_are_called_as_variables_are() -> None:
    assert AccountSettings(jmap_token=SecretStr("t")).key("contacts") == "MAILROOM_CONTACTS"


def test_nobody_else_knows_what_variables_are_called() -> None:
    package = PROJECT / "mailroom"
    knowing = [path for path in package.rglob("*.py") if "MAILROOM_" in path.read_text()]
    assert {path.parent for path in knowing} == {package / "config"}
