"""The three kinds of error a JMAP server answers with (RFC 8620 sections 3.6 and 5.3), and the sandbox's own."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


class SandboxError(Exception):
    """The sandbox was asked for something that it can't do: an unknown mailbox, a port in use."""


class RequestError(Exception):
    """The whole request is refused with a problem document (RFC 8620 section 3.6.1)."""

    def __init__(self, kind: str, detail: str, *, status: int = 400, limit: str | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.status = status
        self.limit = limit

    def json(self) -> Json:
        problem: Json = {
            "type": f"urn:ietf:params:jmap:error:{self.kind}",
            "status": self.status,
            "detail": self.detail,
        }
        if self.limit is not None:
            problem["limit"] = self.limit
        return problem


class MethodError(Exception):
    """One method call fails; the other calls of the request go on (RFC 8620 section 3.6.2)."""

    def __init__(self, kind: str, description: str | None = None) -> None:
        super().__init__(f"{kind}: {description}")
        self.kind = kind
        self.description = description

    def json(self) -> Json:
        if self.description is None:
            return {"type": self.kind}
        return {"type": self.kind, "description": self.description}


class SetError(Exception):
    """One object of a /set call is refused; the others go on (RFC 8620 section 5.3)."""

    def __init__(self, kind: str, description: str | None = None, *, properties: tuple[str, ...] = ()) -> None:
        super().__init__(f"{kind}: {description} {properties}")
        self.kind = kind
        self.description = description
        self.properties = properties

    def json(self) -> Json:
        error: Json = {"type": self.kind}
        if self.description is not None:
            error["description"] = self.description
        if self.properties:
            error["properties"] = list(self.properties)
        return error
