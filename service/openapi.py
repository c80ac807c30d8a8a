"""The API's document, made from the same operations that answer the requests."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from service.problems import Details
from service.resources import Operation, Resource

_TEMPLATE = "#/components/schemas/{name}"


def document(resources: Sequence[Resource]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of `resources`."""
    types: set[type[msgspec.Struct]] = {Details}
    for resource in resources:
        for operation in resource.operations.values():
            used = (operation.body, operation.query, *operation.answers.values())
            types |= {one for one in used if one is not None and issubclass(one, msgspec.Struct)}
    ordered = sorted(types, key=lambda one: one.__name__)
    _, schemas = msgspec.json.schema_components(ordered, ref_template=_TEMPLATE)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Notes", "version": "1"},
        "paths": {
            resource.template: {
                **_path_parameters(resource),
                **{
                    method.lower(): _operation(operation, schemas)
                    for method, operation in resource.operations.items()
                },
            }
            for resource in resources
        },
        "components": {"schemas": schemas},
    }


def _path_parameters(resource: Resource) -> dict[str, Any]:
    if not resource.parameters:
        return {}
    return {
        "parameters": [
            {
                "name": name,
                "in": "path",
                "required": True,
                "schema": {"type": "string", "format": form},
            }
            for name, form in resource.parameters.items()
        ]
    }


def _operation(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.identity,
        "summary": operation.summary,
        "responses": {
            **{str(status): _answer(operation, status) for status in operation.answers},
            **_problems(operation.problems),
        },
    }
    if operation.query is not None:
        properties = schemas[operation.query.__name__]["properties"]
        described["parameters"] = [
            {"name": name, "in": "query", "required": False, "schema": _without_null(schema)}
            for name, schema in properties.items()
        ]
    if operation.body is not None:
        content = {"application/json": {"schema": _reference(operation.body)}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _answer(operation: Operation, status: int) -> dict[str, Any]:
    kind = operation.answers[status]
    described: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if kind is not None:
        structure = issubclass(kind, msgspec.Struct)
        schema = _reference(kind) if structure else {"type": "object"}
        described["content"] = {"application/json": {"schema": schema}}
    if status == HTTPStatus.CREATED:
        described["headers"] = {"location": {"schema": {"type": "string"}}}
    return described


def _problems(statuses: Iterable[int]) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": _reference(Details)}}
    described: dict[str, Any] = {}
    for status in statuses:
        described[str(status)] = {"description": HTTPStatus(status).phrase, "content": content}
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            described[str(status)]["headers"] = {"retry-after": {"schema": {"type": "string"}}}
    return described


def _reference(kind: type) -> dict[str, str]:
    return {"$ref": _TEMPLATE.format(name=kind.__name__)}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query has no null: what may be None may be left out."""
    kept = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if not kept:
        return schema
    return {
        **kept[0],
        **{key: value for key, value in schema.items() if key not in ("anyOf", "default")},
    }
