"""One JMAP request: capabilities, limits, back-references, and the table of methods (RFC 8620 section 3)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from mailroom.sandbox import arguments as args
from mailroom.sandbox import contacts, mail, mail_query, mail_set, mailbox, sieve
from mailroom.sandbox.errors import Json, MethodError, RequestError
from mailroom.sandbox.flavour import Flavour
from mailroom.sandbox.methods import Context
from mailroom.sandbox.patch import split_pointer

CORE = "urn:ietf:params:jmap:core"
MAIL = "urn:ietf:params:jmap:mail"
SUBMISSION = "urn:ietf:params:jmap:submission"
CONTACTS = "urn:ietf:params:jmap:contacts"
SIEVE = "urn:ietf:params:jmap:sieve"
CAPABILITIES = frozenset({CORE, MAIL, SUBMISSION, CONTACTS})
"""What every flavour offers."""

Call = tuple[str, dict[str, Any], str]


@dataclass(frozen=True)
class Method:
    capability: str
    arguments: type[args.AccountArguments]
    run: Callable[[Context, Any], Json]


METHODS: dict[str, Method] = {
    "Mailbox/get": Method(MAIL, args.GetArguments, mailbox.get),
    "Mailbox/changes": Method(MAIL, args.ChangesArguments, mailbox.changes),
    "Mailbox/query": Method(MAIL, args.MailboxQueryArguments, mailbox.query),
    "Mailbox/set": Method(MAIL, args.MailboxSetArguments, mailbox.set_),
    "Thread/get": Method(MAIL, args.GetArguments, mail.thread_get),
    "Thread/changes": Method(MAIL, args.ChangesArguments, mail.thread_changes),
    "Email/get": Method(MAIL, args.EmailGetArguments, mail.get),
    "Email/changes": Method(MAIL, args.ChangesArguments, mail.changes),
    "Email/query": Method(MAIL, args.EmailQueryArguments, mail_query.query),
    "Email/set": Method(MAIL, args.SetArguments, mail_set.set_),
    "Email/import": Method(MAIL, args.EmailImportArguments, mail_set.import_),
    "Identity/get": Method(SUBMISSION, args.GetArguments, mail.identity_get),
    "AddressBook/get": Method(CONTACTS, args.GetArguments, contacts.book_get),
    "AddressBook/changes": Method(CONTACTS, args.ChangesArguments, contacts.book_changes),
    "AddressBook/set": Method(CONTACTS, args.AddressBookSetArguments, contacts.book_set),
    "ContactCard/get": Method(CONTACTS, args.GetArguments, contacts.card_get),
    "ContactCard/changes": Method(CONTACTS, args.ChangesArguments, contacts.card_changes),
    "ContactCard/query": Method(CONTACTS, args.QueryArguments, contacts.card_query),
    "ContactCard/set": Method(CONTACTS, args.SetArguments, contacts.card_set),
    "SieveScript/get": Method(SIEVE, args.GetArguments, sieve.get),
    "SieveScript/set": Method(SIEVE, sieve.ScriptSetArguments, sieve.set_),
    "SieveScript/validate": Method(SIEVE, sieve.ValidateArguments, sieve.validate),
}


def offered(flavour: Flavour) -> frozenset[str]:
    """The capabilities of a flavour."""
    return CAPABILITIES if flavour.sieve_extensions is None else CAPABILITIES | {SIEVE}


class Request(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)

    using: list[str]
    method_calls: list[Call]
    created_ids: dict[str, str] | None = None


class _Reference(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, strict=True)

    result_of: str
    name: str
    path: str


def parse(body: bytes) -> Request:
    """Raises RequestError notJSON for what isn't I-JSON (RFC 7493), notRequest."""
    try:
        value = _I_JSON.decode(body.decode())
    except ValueError as error:
        raise RequestError("notJSON", str(error)) from None
    try:
        return Request.model_validate(value)
    except ValidationError as error:
        raise RequestError("notRequest", f"not a Request object: {error.error_count()} problems") from None


def _object(pairs: list[tuple[str, Any]]) -> Json:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("an object has two members of one name")
    return members


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


_I_JSON = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant)


def process(
    request: Request, context: Context, account_id: str, method_errors: Callable[[str, Json], MethodError | None]
) -> list[Call]:
    """The method responses, in the order of the calls. Raises RequestError unknownCapability or limit.

    `method_errors` may name an error for a method that then isn't run.
    """
    unknown = sorted(set(request.using) - offered(context.flavour))
    if unknown:
        raise RequestError("unknownCapability", f"not offered: {', '.join(unknown)}")
    most = context.limits.max_calls_in_request
    if len(request.method_calls) > most:
        raise RequestError("limit", f"at most {most} calls in a request", limit="maxCallsInRequest")
    context.created_ids.update(request.created_ids or {})
    responses: list[Call] = []
    for name, raw_arguments, call_id in request.method_calls:
        try:
            error = method_errors(name, raw_arguments)
            if error is not None:
                raise error.with_traceback(None)
            referenced = frozenset(key[1:] for key in raw_arguments if key.startswith("#"))
            call_context = replace(context, referenced=referenced)
            answer = _run(name, _resolved(raw_arguments, responses), request.using, call_context, account_id)
            responses.append((name, answer, call_id))
        except MethodError as error:
            responses.append(("error", error.json(), call_id))
    return responses


def _run(name: str, arguments: Json, using: list[str], context: Context, account_id: str) -> Json:
    if name == "Core/echo" and CORE in using:
        return arguments
    method = METHODS.get(name)
    if method is None or method.capability not in using:
        raise MethodError("unknownMethod")
    checked = args.read(method.arguments, arguments)
    if checked.account_id != account_id:
        raise MethodError("accountNotFound")
    return method.run(context, checked)


def _resolved(arguments: Json, responses: list[Call]) -> Json:
    """The arguments with `#name` references replaced by earlier results (RFC 8620 section 3.7)."""
    result: Json = {}
    for name, value in arguments.items():
        if not name.startswith("#"):
            result[name] = value
            continue
        if name[1:] in arguments:
            raise MethodError("invalidArguments", f"{name[1:]} is given twice, once as a reference")
        try:
            reference = _Reference.model_validate(value)
        except ValidationError:
            raise MethodError("invalidResultReference", f"{name}: not a ResultReference") from None
        result[name[1:]] = _follow(reference, responses)
    return result


def _follow(reference: _Reference, responses: list[Call]) -> Any:
    for name, answer, call_id in responses:
        if call_id == reference.result_of:
            if name != reference.name:
                raise MethodError("invalidResultReference", f"{call_id} answered {name}, not {reference.name}")
            if not reference.path.startswith("/"):
                raise MethodError("invalidResultReference", f"{reference.path!r} is no pointer")
            return _evaluate(answer, split_pointer(reference.path[1:]))
    raise MethodError("invalidResultReference", f"no earlier call {reference.result_of!r}")


def _evaluate(value: Any, tokens: list[str]) -> Any:
    """A JSON pointer in which `*` maps over an array and flattens what it finds by one level."""
    if not tokens:
        return value
    token, *rest = tokens
    if isinstance(value, list) and token == "*":  # noqa: S105 - a pointer token, not a password
        found = [_evaluate(entry, rest) for entry in value]
        return [item for entry in found for item in (entry if isinstance(entry, list) else [entry])]
    if isinstance(value, list) and token.isdigit() and int(token) < len(value):
        return _evaluate(value[int(token)], rest)
    if isinstance(value, Mapping) and token in value:
        return _evaluate(value[token], rest)
    raise MethodError("invalidResultReference", f"the result has no {token!r}")
