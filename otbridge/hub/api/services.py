"""`/api/v1/services`: who has sent something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from otbridge.hub.query.pages import page_by_key

if TYPE_CHECKING:
    from otbridge.hub.store import Store
    from otbridge.hub.store.vocabulary import ServiceTotals

__all__ = ["ServiceJson", "ServicesJson", "get_services"]


class ServiceJson(TypedDict):
    """What a service has sent."""

    name: str
    span_count: int
    log_count: int
    last_seen_unix_nano: str


class ServicesJson(TypedDict):
    """A page of services, by name."""

    services: list[ServiceJson]
    next_cursor: str | None


def get_services(store: Store, asked: dict[str, Any]) -> ServicesJson:
    """Answer `GET /api/v1/services`."""
    found = (service for service in store.services() if _fits(service, asked))
    page = page_by_key(
        found, lambda service: (service.name,), "services", asked["limit"], asked["cursor"]
    )
    return {
        "services": [
            {
                "name": service.name,
                "span_count": service.span_count,
                "log_count": service.log_count,
                "last_seen_unix_nano": str(service.last_seen_ns),
            }
            for service in page.items
        ],
        "next_cursor": page.next_cursor,
    }


def _fits(service: ServiceTotals, asked: dict[str, Any]) -> bool:
    name, from_ns, to_ns = asked["name"], asked["from"], asked["to"]
    return (
        (name is None or name.casefold() in service.name.casefold())
        and (from_ns is None or service.last_seen_ns >= from_ns)
        and (to_ns is None or service.last_seen_ns < to_ns)
    )
