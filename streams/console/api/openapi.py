"""Generates the API's OpenAPI document from its operations."""

import re

from streams.console.api.answers import OPERATIONS, ApiOperation
from streams.console.api.lookups import LOOKUPS, Lookup

_FAULT = {"application/json": {"schema": {"$ref": "#/components/schemas/Fault"}}}
_FAULTS = (
    ("400", "The query cannot be understood."),
    ("404", "Nothing is known of it."),
    ("503", "What it needs is away."),
)


def document(version: str) -> dict[str, object]:
    """Return the API's OpenAPI 3.1 document."""
    fault = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Panoptes console", "version": version},
        "paths": {f"/api/v1{each.path}": {"get": _operation(each)} for each in (*OPERATIONS, *LOOKUPS)},
        "components": {"schemas": {"Fault": fault}},
    }


def _operation(each: ApiOperation | Lookup) -> dict[str, object]:
    parameters = [_parameter(name, "path", "") for name in re.findall(r"{(\w+)}", each.path)]
    parameters += [_parameter(name, "query", meaning) for name, meaning in each.parameters.items()]
    found = {"application/json": {"schema": {"type": "object"}}}
    answers: dict[str, object] = {"200": {"description": each.says, "content": found}}
    for status, what in _FAULTS:
        answers[status] = {"description": what, "content": _FAULT}
    return {"operationId": each.answer.__name__, "summary": each.says, "parameters": parameters, "responses": answers}


def _parameter(name: str, place: str, meaning: str) -> dict[str, object]:
    schema = {"type": "string", "minLength": 1} if place == "path" else {"type": "string"}
    return {"name": name, "in": place, "required": place == "path", "description": meaning, "schema": schema}
