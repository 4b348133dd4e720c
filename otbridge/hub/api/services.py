"""`/api/v1/services`: who has sent something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from otbridge.hub.store import Store

__all__ = ["ServiceJson", "ServicesJson", "get_services"]


class ServiceJson(TypedDict):
    """What a service has sent."""

    name: str
    span_count: int
    log_count: int
    last_seen_unix_nano: str


class ServicesJson(TypedDict):
    """All services, by name."""

    services: list[ServiceJson]


def get_services(store: Store, _: dict[str, Any]) -> ServicesJson:
    """Answer `GET /api/v1/services`."""
    return {
        "services": [
            {
                "name": service.name,
                "span_count": service.span_count,
                "log_count": service.log_count,
                "last_seen_unix_nano": str(service.last_seen_ns),
            }
            for service in store.services()
        ]
    }
