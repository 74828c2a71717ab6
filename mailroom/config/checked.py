"""What process and account settings have in common: how they are checked, and how problems are told."""

from collections.abc import Iterator, Mapping
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import ErrorDetails

from mailroom.config.keys import VARIABLES, Keys
from mailroom.errors import ConfigError


class Checked(BaseModel):
    """Settings, checked. Raises `ConfigError` with every problem, each by its key, never with a value.

    A field's description says what it must be; it completes the sentence "MAILROOM_X must be …". The validation's
    context may be the `Keys` of the place that the values come from; without, they are variables.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)
    _keys: Keys = PrivateAttr(default=VARIABLES)

    @property
    def names(self) -> Keys:
        """What the settings are called where these were read."""
        return self._keys

    def key(self, field: str) -> str:
        """What a setting is called where these were read."""
        return self._keys.name(field)

    @classmethod
    def problems_between(cls, given: Mapping[str, object], keys: Keys) -> Iterator[str]:
        """What is wrong with the settings that are given together."""
        yield from ()

    @model_validator(mode="wrap")
    @classmethod
    def _all_problems_at_once(
        cls, values: Any, check: ModelWrapValidatorHandler[Self], info: ValidationInfo[Keys | None]
    ) -> Self:
        keys = info.context or VARIABLES
        given = {field: _trimmed(field, value) for field, value in values.items() if not is_empty(value)}
        problems = [keys.problem(text) for text in cls.problems_between(given, keys)]
        try:
            settings = check(given)
        except ValidationError as invalid:
            told = (keys.problem(text) for text in _field_problems(cls, invalid, keys))
            raise ConfigError([*told, *problems]) from None
        if problems:
            raise ConfigError(problems)
        settings._keys = keys
        return settings


def is_empty(value: object) -> bool:
    """Whether this counts as not given."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return value is None or (isinstance(value, str) and not value.strip())


def _trimmed(field: str, value: object) -> object:
    """Without the white space around it that files and copying leave; in a password it may be meant."""
    return value.strip() if isinstance(value, str) and not field.endswith("_password") else value


def _field_problems(cls: type[Checked], invalid: ValidationError, keys: Keys) -> Iterator[str]:
    for error in invalid.errors(include_url=False):
        field = str(error["loc"][0])
        if error["type"] == "value_error":
            # One of the validators of the types: its text goes on after the name.
            yield f"{keys.bare(field)} {error['ctx']['error']}"
        else:
            yield f"{keys.bare(field)} must be {cls.model_fields[field].description}{_wrong_kind(error)}"


def _wrong_kind(error: ErrorDetails) -> str:
    """What a value of a wrong kind is; never the value. Variables are all text, and never of a wrong kind."""
    kind = type(error["input"])
    is_choice = error["type"] == "literal_error" and kind is not str
    return f", and is {_KINDS.get(kind, 'of another kind')}" if is_choice or error["type"].endswith("_type") else ""


_KINDS = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a table",
}
