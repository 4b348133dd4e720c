"""`/api/v1/openapi.json`, made from the same endpoints and types that answer."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec

from otbridge.hub.api.errors import ErrorJson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otbridge.hub.api.endpoint import Endpoint, Parameter

__all__ = ["describe_api"]


def describe_api(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of *endpoints*."""
    answers = [endpoint.answer for endpoint in endpoints]
    bodies = [endpoint.body for endpoint in endpoints]
    schemas, components = msgspec.json.schema_components(
        [*answers, *bodies, ErrorJson], ref_template="#/components/schemas/{name}"
    )
    *both, error = schemas
    paths: dict[str, dict[str, Any]] = {}
    for place, endpoint in enumerate(endpoints):
        operation = _operation(endpoint, both[place], error)
        if endpoint.body is not None:
            body = _content(both[place + len(endpoints)])
            operation["requestBody"] = {"required": True, **body}
        paths.setdefault(f"/api/v1{endpoint.path}", {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "otbridge hub",
            "version": version("otbridge"),
            "description": "Times are strings of unix nanoseconds, durations are nanoseconds.",
        },
        "paths": paths,
        "components": {"schemas": components},
    }


def _operation(endpoint: Endpoint, answer: dict[str, Any], error: dict[str, Any]) -> dict[str, Any]:
    return {
        "summary": endpoint.about,
        "operationId": endpoint.method.lower()
        + "".join(re.findall(r"\w+", endpoint.path.title().replace("_", ""))),
        "parameters": [_parameter(parameter) for parameter in endpoint.parameters],
        "responses": {
            "200": {"description": "The answer.", **_content(answer)},
            "default": {
                "description": "What happened, why, and what to do.",
                **_content(error),
            },
        },
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "path" if parameter.in_path else "query",
        "required": parameter.in_path,
        "description": parameter.about,
        "schema": parameter.schema,
    }


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}
