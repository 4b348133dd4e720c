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
    schemas, components = msgspec.json.schema_components(
        [*answers, ErrorJson], ref_template="#/components/schemas/{name}"
    )
    *answer_schemas, error = schemas
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "otbridge hub",
            "version": version("otbridge"),
            "description": "Times are strings of unix nanoseconds, durations are nanoseconds.",
        },
        "paths": {
            f"/api/v1{endpoint.path}": {"get": _operation(endpoint, answer, error)}
            for endpoint, answer in zip(endpoints, answer_schemas, strict=True)
        },
        "components": {"schemas": components},
    }


def _operation(endpoint: Endpoint, answer: dict[str, Any], error: dict[str, Any]) -> dict[str, Any]:
    return {
        "summary": endpoint.about,
        "operationId": "get" + "".join(re.findall(r"\w+", endpoint.path.title().replace("_", ""))),
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
