"""`/api/v1/facets`: which values there are to filter by, and how often each occurs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from otbridge.errors import QueryError
from otbridge.hub.api.filters import LOG_FILTERS, TRACE_FILTERS, log_filter, trace_filter
from otbridge.hub.api.shapes import exact
from otbridge.hub.store.vocabulary import AttributeKey

if TYPE_CHECKING:
    from otbridge.hub.api.schemas import FacetsJson
    from otbridge.hub.store import Store
    from otbridge.hub.store.vocabulary import FacetField

__all__ = ["get_facets"]


def get_facets(store: Store, asked: dict[str, Any]) -> FacetsJson:
    """Answer `GET /api/v1/facets`."""
    of = asked["of"]
    field = _field(asked)
    for name in set(LOG_FILTERS) ^ set(TRACE_FILTERS):
        if asked[name] is not None and name not in (LOG_FILTERS if of == "logs" else TRACE_FILTERS):
            other = "logs" if of == "traces" else "traces"
            raise QueryError(f"{name} is no filter of {of}.", f"Only {other} have one.", "")
    wanted = log_filter(asked) if of == "logs" else trace_filter(asked)
    facets = store.facets(wanted, field)
    most_first = sorted(facets.counts.items(), key=lambda pair: (-pair[1], pair[0]))
    typed = isinstance(field, AttributeKey)
    return {
        "of": of,
        "field": None if isinstance(field, AttributeKey) else field,
        "key": field.name if isinstance(field, AttributeKey) else None,
        "values": [
            {"value": exact(msgspec.json.decode(value)) if typed else value, "count": count}
            for value, count in most_first[: asked["limit"]]
        ],
        "value_count": len(most_first),
        "looked_at": facets.looked_at,
        "complete": facets.complete,
    }


def _field(asked: dict[str, Any]) -> FacetField | AttributeKey:
    field, key = asked["field"], asked["key"]
    if key is not None:
        if field is not None:
            raise QueryError(
                "Both field and key are given.", "The values of one are counted.", "Give one."
            )
        return AttributeKey(key)
    if asked["of"] == "traces" and field == "severity":
        raise QueryError("Traces have no severity.", "", "Ask for service or name, or of=logs.")
    found: FacetField = field or "service"
    return found
