"""Routes of the API, with entity tags, and errors as JSON."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from schemas.errors import BackendError, RecordError
from streams.console.api.answers import OPERATIONS, ApiOperation, UnknownDeviceError
from streams.console.api.asking import BadRequestError
from streams.console.api.lookups import LOOKUPS, Lookup, Sources
from streams.console.api.openapi import document
from streams.console.models import ReadModels
from streams.scheduling.filters import FilterError

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


def routes(sources: Sources, version: str) -> list[BaseRoute]:
    """Return the routes of the API."""
    models = sources.models
    found: list[BaseRoute] = [Route(f"/api/v1{_path(each)}", _handler(each, models)) for each in OPERATIONS]

    found += [Route(f"/api/v1{each.path}", _asking(each, sources)) for each in LOOKUPS]

    async def described(_request: Request) -> Response:
        return as_json(document(version))

    return [*found, Route("/api/v1/openapi.json", described)]


def as_json(told: object, status: int = 200) -> Response:
    """Return data as JSON; numbers that JSON does not have are null."""
    try:
        text = json.dumps(told, ensure_ascii=False, allow_nan=False)
    except ValueError:
        text = json.dumps(json.loads(json.dumps(told), parse_constant=lambda _name: None), ensure_ascii=False)
    return Response(text.encode(errors="replace"), status, media_type="application/json")


def _path(each: ApiOperation) -> str:
    return each.path.replace("{id}", "{id:path}")


def _asking(each: Lookup, sources: Sources) -> Handler:
    async def answer(request: Request) -> Response:
        try:
            return _tagged(request, as_json(await each.answer(sources, dict(request.query_params))))
        except BadRequestError as problem:
            return as_json({"error": str(problem)}, 400)
        except UnknownDeviceError as problem:
            return as_json({"error": str(problem)}, 404)
        except (BackendError, RecordError, OSError) as problem:
            return as_json({"error": f"what this needs is away: {problem}"}, 503)

    return answer


def _handler(each: ApiOperation, models: ReadModels) -> Handler:
    async def answer(request: Request) -> Response:
        try:
            response = as_json(each.answer(models, {**request.query_params, **request.path_params}))
        except (BadRequestError, FilterError) as problem:
            return as_json({"error": str(problem)}, 400)
        except UnknownDeviceError as problem:
            return as_json({"error": str(problem)}, 404)
        return _tagged(request, response)

    return answer


def _tagged(request: Request, response: Response) -> Response:
    """Return the answer with its entity tag, or that it has not changed."""
    tag = f'"{hashlib.blake2b(bytes(response.body), digest_size=16).hexdigest()}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    response.headers["ETag"] = tag
    return response
