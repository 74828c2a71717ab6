"""Names that people type on the command line, found among those that there are."""

from mailroom.addresses import canonical
from mailroom.config.scheme import Category, Scheme
from mailroom.decisions.undo import Subject
from mailroom.decisions.whole import typed_whole
from mailroom.errors import ConfigError
from mailroom.suggest import did_you_mean

WIDE = "a whole domain is @example.org, a mailing list is list: and its List-Id"
"""What else somebody may have meant who typed no address."""


def category_named(name: str, scheme: Scheme) -> Category:
    """The category of this name, in whatever case. Raises `ConfigError` that names the nearest one, and all."""
    by_name = {each.name.casefold(): each for each in scheme.categories}
    found = scheme.by_name.get(name) or by_name.get(name.strip().casefold())
    if found is None:
        known = ", ".join(scheme.by_name)
        raise ConfigError([f"there is no category {name!r}{did_you_mean(name, scheme.by_name)} (there are: {known})"])
    return found


def address_named(text: str) -> str:
    """The address in canonical form. Raises `ConfigError`."""
    if (address := canonical(text)) is None:
        raise ConfigError([f"{text!r} is no mail address; give it alone, such as ann@example.org"])
    return address


def subject_named(text: str) -> Subject:
    """A sender, a whole domain or a whole list. Raises `ConfigError`."""
    found = typed_whole(text) or canonical(text)
    if found is None:
        raise ConfigError([f"{text!r} is no mail address, such as ann@example.org; {WIDE}"])
    return found
