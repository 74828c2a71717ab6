"""The arguments of the standard methods (RFC 8620 section 5), checked strictly: a misspelt name is an error."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from mailroom.sandbox.errors import Json, MethodError

Count = Annotated[int, Field(ge=0)]


class Arguments(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True, frozen=True)


class AccountArguments(Arguments):
    account_id: str


class GetArguments(AccountArguments):
    ids: list[str] | None = None
    properties: list[str] | None = None


class EmailGetArguments(GetArguments):
    body_properties: list[str] | None = None
    fetch_text_body_values: bool = False
    fetch_html_body_values: bool = Field(default=False, alias="fetchHTMLBodyValues")
    fetch_all_body_values: bool = False
    max_body_value_bytes: Count = 0


class ChangesArguments(AccountArguments):
    since_state: str
    max_changes: Annotated[int, Field(gt=0)] | None = None


class SetArguments(AccountArguments):
    if_in_state: str | None = None
    create: dict[str, dict[str, Any]] | None = None
    update: dict[str, dict[str, Any]] | None = None
    destroy: list[str] | None = None


class MailboxSetArguments(SetArguments):
    on_destroy_remove_emails: bool = False


class AddressBookSetArguments(SetArguments):
    on_destroy_remove_contents: bool = False
    on_success_set_is_default: str | None = None


class EmailImportArguments(AccountArguments):
    if_in_state: str | None = None
    emails: dict[str, dict[str, Any]]


class QueryArguments(AccountArguments):
    filter: dict[str, Any] | None = None
    sort: list[dict[str, Any]] | None = None
    position: int = 0
    anchor: str | None = None
    anchor_offset: int = 0
    limit: Count | None = None
    calculate_total: bool = False


class EmailQueryArguments(QueryArguments):
    collapse_threads: bool = False


class MailboxQueryArguments(QueryArguments):
    sort_as_tree: bool = False
    filter_as_tree: bool = False


A = TypeVar("A", bound=BaseModel)


def read(model: type[A], values: Json) -> A:
    """Check `values` against the model. Raises MethodError invalidArguments that names each bad argument."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = sorted(f"{'/'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise MethodError("invalidArguments", "; ".join(problems)) from None
