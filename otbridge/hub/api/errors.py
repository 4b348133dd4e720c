"""Errors of the API: one shape, with what happened, why, and what to do."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypedDict

from otbridge.errors import LimitExceeded, OtbridgeError, QueryError, StoreError
from otbridge.hub.api.turns import TooManyQuestions
from otbridge.hub.asgi import SlowBody
from otbridge.hub.query.permalinks import TooManyLinks
from otbridge.hub.store import QueryTooSlow

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ErrorJson", "MethodNotAllowed", "NotFound", "TooLarge", "answer_for"]

_log = logging.getLogger(__name__)


class ErrorDetails(TypedDict):
    """What went wrong."""

    code: str
    what: str
    why: str
    do: str


class ErrorJson(TypedDict):
    """The body of every answer that is an error."""

    error: ErrorDetails


class NotFound(QueryError):  # noqa: N818 - named like its status
    """What was asked for by its id is not there."""

    def __init__(self, code: str, what: str, why: str = "", do: str = "") -> None:
        super().__init__(what, why, do)
        self.code = code


class MethodNotAllowed(QueryError):  # noqa: N818 - named like its status
    """The path is right and the method is not."""

    def __init__(self, method: str, allowed: Iterable[str]) -> None:
        self.allowed = tuple(allowed)
        names = " or ".join(name for name in self.allowed if name != "HEAD")
        super().__init__(
            f"{method} is not answered here.", f"This address takes {names}.", f"Use {names}."
        )


class TooLarge(QueryError):  # noqa: N818 - named like its status
    """The answer would be larger than the hub gives in one piece."""


def answer_for(error: Exception) -> tuple[int, ErrorJson]:
    """Return the status and body that tell of *error*.

    An exception of any other kind is a fault of ours: it is logged, the asker hears that it was
    not them, and the hub goes on.
    """
    match error:
        case NotFound():
            return 404, _body(error.code, error)
        case MethodNotAllowed():
            return 405, _body("method_not_allowed", error)
        case TooLarge():
            return 413, _body("too_large", error)
        case TooManyQuestions():
            return 503, _body("too_many_questions", error)
        case QueryTooSlow():
            return 503, _body("query_too_slow", error)
        case TooManyLinks():
            return 507, _body("too_many_links", error)
        case LimitExceeded():
            return 413, _body("too_large", error)
        case SlowBody():
            return 408, _body("slow_body", error)
        case QueryError():
            return 400, _body("bad_argument", error)
        case StoreError():
            return 503, _body("store_unavailable", error)
    _log.error("a question to the hub failed", exc_info=error)
    return 503, _body(
        "internal",
        OtbridgeError(
            "The hub could not answer.",
            "It met an error of its own, which is in its log.",
            "Please report it, with the address you asked for.",
        ),
    )


def _body(code: str, error: OtbridgeError) -> ErrorJson:
    return {"error": {"code": code, "what": error.what, "why": error.why, "do": error.do}}
