"""`/api/v1/sessions`: what visitors did, and conversations with agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from otbridge.hub.api.errors import NotFound
from otbridge.hub.api.filters import trace_filter
from otbridge.hub.api.schemas import (  # noqa: TC001 - the OpenAPI document is made of them
    ServiceSpansJson,
    TraceSummaryJson,
)
from otbridge.hub.api.shapes import summary_json
from otbridge.hub.query.cursors import session_cursor, trace_cursor
from otbridge.hub.query.pages import list_sessions, list_traces
from otbridge.hub.query.runs import usage_of
from otbridge.hub.store.vocabulary import SessionFilter, TraceFilter

if TYPE_CHECKING:
    from otbridge.hub.store import Store
    from otbridge.hub.store.vocabulary import SessionSummary

__all__ = ["SessionDetailsJson", "SessionsJson", "get_session", "get_sessions"]


class SessionJson(TypedDict):
    """A session in one line."""

    session_id: str
    by: str
    start_time_unix_nano: str
    end_time_unix_nano: str
    duration_nano: int
    trace_count: int
    span_count: int
    log_count: int
    error_count: int
    services: list[ServiceSpansJson]


class SessionsJson(TypedDict):
    """A page of sessions, newest first."""

    sessions: list[SessionJson]
    next_cursor: str | None


class SessionDetailsJson(SessionJson):
    """A session and a page of its traces, newest first."""

    traces: list[TraceSummaryJson]
    next_cursor: str | None


def get_sessions(store: Store, asked: dict[str, Any]) -> SessionsJson:
    """Answer `GET /api/v1/sessions`."""
    wanted = SessionFilter(
        key=asked["by"],
        traces=trace_filter({"session": None, **asked}),
        from_ns=asked["from"],
        to_ns=asked["to"],
    )
    page = list_sessions(store, wanted, asked["limit"], asked["cursor"])
    return {
        "sessions": [_json(session.summary) for session in page.sessions],
        "next_cursor": session_cursor(page.next_position) if page.next_position else None,
    }


def get_session(store: Store, asked: dict[str, Any]) -> SessionDetailsJson:
    """Answer `GET /api/v1/sessions/{session_id}`."""
    session_id, key = asked["session_id"], asked["by"]
    found = [one for one in store.session(session_id) if key in (None, one.key)]
    if not found:
        raise NotFound(
            "unknown_session",
            f"The hub has no session {session_id[:80]!r}.",
            "No record names it in session.id or gen_ai.conversation.id, or its days were deleted.",
            "Ask /api/v1/sessions for those it has.",
        )
    page = list_traces(store, TraceFilter(session=session_id), asked["limit"], asked["cursor"])
    return {
        **_json(found[0]),
        "traces": [summary_json(trace, usage_of(store, trace)) for trace in page.traces],
        "next_cursor": trace_cursor(page.next_position) if page.next_position else None,
    }


def _json(session: SessionSummary) -> SessionJson:
    return {
        "session_id": session.id,
        "by": session.key,
        "start_time_unix_nano": str(session.start_ns),
        "end_time_unix_nano": str(session.end_ns),
        "duration_nano": session.end_ns - session.start_ns,
        "trace_count": session.trace_count,
        "span_count": session.span_count,
        "log_count": session.log_count,
        "error_count": session.error_count,
        "services": [
            {"name": name, "span_count": count} for name, count in session.services.items()
        ],
    }
