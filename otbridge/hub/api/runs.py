"""`/api/v1/runs`: agent runs, over all traces that belong to each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otbridge.hub.api.errors import NotFound
from otbridge.hub.api.filters import trace_filter
from otbridge.hub.api.shapes import span_json
from otbridge.hub.query.cursors import trace_cursor
from otbridge.hub.query.runs import find_run, list_runs

if TYPE_CHECKING:
    from otbridge.hub.store import Store

__all__ = ["get_run", "get_runs"]


def get_runs(store: Store, asked: dict[str, Any]) -> dict[str, Any]:
    """Answer `GET /api/v1/runs`."""
    if asked["trace_id"] is not None:
        found = find_run(store, asked["trace_id"].hex())
        return {"runs": [found.run.as_json()] if found else [], "next_cursor": None}
    page = list_runs(store, asked["limit"], asked["cursor"], trace_filter(asked))
    return {
        "runs": [run.as_json() for run in page.runs],
        "next_cursor": trace_cursor(page.next_position) if page.next_position else None,
    }


def get_run(store: Store, asked: dict[str, Any]) -> dict[str, Any]:
    """Answer `GET /api/v1/runs/{run_id}`."""
    found = find_run(store, asked["run_id"])
    if found is None:
        raise NotFound(
            "unknown_run",
            f"The hub has no agent run {asked['run_id'][:80]!r}.",
            "Nothing with this id has arrived, or there is no agent in that trace.",
            "Ask /api/v1/runs for those it has.",
        )
    return {**found.run.details_as_json(), "steps": [span_json(row) for row in found.steps]}
