"""Put the service's name on the event, for lines that are read without their resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otbridge.semconv import DEPLOYMENT_ENVIRONMENT, SERVICE_NAME, SERVICE_VERSION

if TYPE_CHECKING:
    from otbridge.typing import EventDict, Processor

__all__ = ["service"]


def service(name: str, version: str = "", environment: str = "") -> Processor:
    """Make a processor that adds `service.name` and, where given, version and environment.

    Over OTLP these belong to the resource, once per request; this is for local lines only.
    """
    facts = {SERVICE_NAME: name, SERVICE_VERSION: version, DEPLOYMENT_ENVIRONMENT: environment}
    known = {key: value for key, value in facts.items() if value}

    def add(logger: Any, method_name: str, event_dict: EventDict) -> EventDict:  # noqa: ARG001
        for key, value in known.items():
            event_dict.setdefault(key, value)
        return event_dict

    return add
