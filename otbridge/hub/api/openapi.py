"""`/api/v1/openapi.json`, made from the same endpoints and types that answer.

What the hub answers beside the API's questions, with keys of its own, is in `doors`.
"""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec

from otbridge.hub.api.doors import DOORS
from otbridge.hub.api.errors import ErrorJson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otbridge.hub.api.doors import Door
    from otbridge.hub.api.endpoint import Endpoint, Parameter

__all__ = ["describe_api"]


def describe_api(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of *endpoints*."""
    answers = [endpoint.answer for endpoint in endpoints]
    bodies = [endpoint.body for endpoint in endpoints]
    beside = [kind for door in DOORS for kind in (door.answer, door.body)]
    schemas, components = msgspec.json.schema_components(
        [*answers, *bodies, *beside, ErrorJson], ref_template="#/components/schemas/{name}"
    )
    *both, error = schemas
    paths: dict[str, dict[str, Any]] = {}
    for place, endpoint in enumerate(endpoints):
        operation = _operation(endpoint, both[place], error)
        if endpoint.body is not None:
            operation["requestBody"] = _request_body(both[place + len(endpoints)])
        paths.setdefault(f"/api/v1{endpoint.path}", {})[endpoint.method.lower()] = operation
    at_doors = both[2 * len(endpoints) :]
    for place, door in enumerate(DOORS):
        answer, body = at_doors[2 * place : 2 * place + 2]
        paths.setdefault(door.path, {})[door.method.lower()] = _at_door(door, answer, body, error)
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
            "default": _failure(error),
        },
    }


def _at_door(
    door: Door, answer: dict[str, Any], body: dict[str, Any], error: dict[str, Any]
) -> dict[str, Any]:
    told = {"description": "Done." if door.answer is None else "The answer."}
    if door.answer is not None:
        told |= _content(answer)
    operation = {
        "summary": door.about,
        "operationId": door.method.lower() + "".join(re.findall(r"\w+", door.path.title())),
        "parameters": [],
        "responses": {str(door.status): told, "default": _failure(error)},
    }
    if door.body is not None:
        operation["requestBody"] = _request_body(body)
    return operation


def _failure(error: dict[str, Any]) -> dict[str, Any]:
    return {"description": "What happened, why, and what to do.", **_content(error)}


def _request_body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, **_content(schema)}


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
