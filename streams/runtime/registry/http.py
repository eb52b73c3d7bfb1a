"""A client for the Confluent schema registry API (Apicurio: `/apis/ccompat/v7`)."""

import asyncio
import logging
import ssl
from typing import Final

import httpx

from schemas.errors import BackendError, FatalError, RecordError
from streams.runtime.settings.sections import RegistrySettings
from streams.runtime.settings.tls import TlsFiles, client_context

COMPATIBILITY: Final = "BACKWARD_TRANSITIVE"
_MEDIA: Final = "application/vnd.schemaregistry.v1+json"
#: its codes for "no such subject, version, schema"; a 404 of any other kind is another server's, or a wrong path
_NOT_THERE: Final = (40401, 40402, 40403)
_BUSY: Final = (408, 425, 429)
_TRIES: Final = 3
_SHOWN: Final = 80  #: characters of a strange answer in a message
_REFUSED: Final = (401, 403)


class HttpRegistry:
    """A registry client that caches every schema and id for ever: ids never change their meaning."""

    def __init__(self, settings: RegistrySettings) -> None:
        # it logs every request at INFO
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._settings = settings
        self._texts: dict[int, str] = {}
        self._ids: dict[tuple[str, str], int] = {}
        self._trust: ssl.SSLContext | None = None

    async def id_for(self, subject: str, schema_text: str) -> int:
        """Return as Registry.id_for; the subject's compatibility is set to BACKWARD_TRANSITIVE."""
        found = self._ids.get((subject, schema_text))
        if found is None:
            answer = await self._write("POST", f"/subjects/{subject}/versions", {"schema": schema_text})
            found = _id_in(answer)
            # after the first version: some registries know no configuration of a subject without one
            await self._write("PUT", f"/config/{subject}", {"compatibility": COMPATIBILITY})
            self._ids[subject, schema_text] = found
        return found

    async def _write(self, method: str, path: str, body: object) -> object:
        """Return the answer; a conflict is asked again, for workers that start together write the same subjects."""
        for _ in range(_TRIES):
            try:
                return await self._ask(method, path, body)
            except _ConflictError:
                continue
        return await self._ask(method, path, body)

    async def schema_for(self, schema_id: int) -> str:
        if schema_id not in self._texts:
            try:
                answer = await self._ask("GET", f"/schemas/ids/{schema_id}")
            except _NotFoundError as problem:
                raise RecordError(f"unknown schema id {schema_id}: {problem}") from problem
            self._texts[schema_id] = _text_in(answer)
        return self._texts[schema_id]

    async def ids_of(self, subject: str) -> list[int]:
        try:
            versions = await self._ask("GET", f"/subjects/{subject}/versions")
            numbers = versions if isinstance(versions, list) else []
            answers = [await self._ask("GET", f"/subjects/{subject}/versions/{version}") for version in numbers]
        except _NotFoundError:
            return []
        for answer in answers:
            self._texts[_id_in(answer)] = _text_in(answer)
        return [_id_in(answer) for answer in answers]

    async def date(self) -> str | None:
        """Return the registry's time, as in HTTP's Date header. Raises BackendError."""
        try:
            async with await self._client() as client:
                answer = await client.get(f"{self._settings.url}/subjects")
        except httpx.HTTPError as problem:
            raise BackendError(f"schema registry {self._settings.url} cannot be asked: {problem!r}") from problem
        said: str | None = answer.headers.get("date")
        return said

    async def _ask(self, method: str, path: str, body: object = None) -> object:
        """Return the answer's JSON. Raises BackendError (away or busy), _NotFoundError, FatalError (not acceptable)."""
        settings = self._settings
        try:
            async with await self._client() as client:
                answer = await client.request(method, f"{settings.url}{path}", json=body)
                return self._judge(answer, f"{method} {path}")
        except httpx.HTTPError as problem:
            text = str(problem) or type(problem).__name__
            raise BackendError(f"schema registry {settings.url} cannot be asked: {text}") from problem
        except ValueError as problem:
            raise BackendError(f"schema registry {settings.url} answered {method} {path} without JSON") from problem

    async def _client(self) -> httpx.AsyncClient:
        # a few requests in a process's life: no connection is kept
        settings = self._settings
        if self._trust is None and settings.url.startswith("https:"):
            self._trust = await asyncio.to_thread(_trust, settings.ssl_ca_file)
        return httpx.AsyncClient(
            auth=(settings.username, settings.password.reveal()) if settings.username else None,
            timeout=settings.request_timeout_s,
            headers={"Accept": f"{_MEDIA}, application/json", "Content-Type": _MEDIA},
            verify=self._trust or False,  # plain http has nothing to verify
            trust_env=False,
        )

    def _judge(self, answer: httpx.Response, request: str) -> object:
        if answer.is_success:
            found: object = answer.json()
            return found
        url, status = self._settings.url, answer.status_code
        said = f"{status} {_message(answer)}"
        if status == httpx.codes.NOT_FOUND and _is_registry(answer):
            raise _NotFoundError(f"schema registry {url} answered {request} with {said}")
        if status == httpx.codes.NOT_FOUND:
            raise BackendError(f"no schema registry at {url}: it answered {request} with {said}; check the URL's path")
        if status in _REFUSED:
            # waited for, since it can be put right there: giving up would set good records aside
            raise BackendError(f"schema registry {url} refused {request}: {said}; check [registry] username, password")
        if status in _BUSY or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise BackendError(f"schema registry {url} cannot serve {request} now: {said}")
        if status == httpx.codes.CONFLICT:
            raise _ConflictError(f"schema registry {url} refused {request}: {said}")
        raise FatalError(f"schema registry {url} refused {request}: {said}")


class _ConflictError(FatalError):
    """Another one writes the same subject at this moment, or the schema is not compatible."""


class _NotFoundError(BackendError):
    """The registry is there and does not have it."""


def _trust(ca_file: str) -> ssl.SSLContext:
    return client_context(TlsFiles(ca_file))


def _id_in(answer: object) -> int:
    """Return the schema's id. Raises BackendError: what answers so is no registry."""
    found = answer.get("id") if isinstance(answer, dict) else None
    if not isinstance(found, int):
        raise BackendError(f"a schema registry's answer has no id: {str(answer)[:_SHOWN]}")
    return found


def _text_in(answer: object) -> str:
    """Return the schema. Raises BackendError: what answers so is no registry."""
    found = answer.get("schema") if isinstance(answer, dict) else None
    if not isinstance(found, str):
        raise BackendError(f"a schema registry's answer has no schema: {str(answer)[:_SHOWN]}")
    return found


def _is_registry(answer: httpx.Response) -> bool:
    """Return whether the 404 is a registry's own: what it was asked for is not there, and it has said so."""
    try:
        said = answer.json()
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("error_code") in _NOT_THERE


def _message(answer: httpx.Response) -> str:
    try:
        said = answer.json()
    except ValueError:
        return answer.reason_phrase
    return str(said.get("message", answer.reason_phrase))[:500] if isinstance(said, dict) else answer.reason_phrase
