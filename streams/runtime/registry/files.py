"""A schema registry in one file, shared by all processes of a machine."""

import asyncio
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypedDict

from schemas.compat import incompatibilities
from schemas.errors import BackendError, FatalError, RecordError

FILE: Final = "schemas.json"
LOCK: Final = "schemas.lock"


class FileRegistry:
    """`schemas.json` in a folder: texts by id (from 1), and ids by subject.

    It is replaced as a whole, under a lock that processes take in turn, so a reader never sees half of it.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._texts: dict[int, str] = {}
        self._ids: dict[tuple[str, str], int] = {}

    async def id_for(self, subject: str, schema_text: str) -> int:
        """Return as Registry.id_for; the same text has the same id under every subject."""
        found = self._ids.get((subject, schema_text))
        if found is None:
            found = await asyncio.to_thread(self._register, subject, schema_text)
            self._ids[subject, schema_text] = found
        return found

    async def schema_for(self, schema_id: int) -> str:
        if schema_id not in self._texts:
            self._texts = (await asyncio.to_thread(self._read)).texts
        if schema_id not in self._texts:
            raise RecordError(f"unknown schema id {schema_id}: it is not in {self._directory / FILE}")
        return self._texts[schema_id]

    async def ids_of(self, subject: str) -> list[int]:
        return (await asyncio.to_thread(self._read)).subjects.get(subject, [])

    def _register(self, subject: str, text: str) -> int:
        with self._lock():
            content = self._read()
            schema_id = next((number for number, known in content.texts.items() if known == text), 0)
            versions = content.subjects.setdefault(subject, [])
            if schema_id in versions:
                return schema_id
            _refuse_incompatible(subject, text, [content.texts[number] for number in versions])
            schema_id = schema_id or len(content.texts) + 1
            content.texts[schema_id] = text
            versions.append(schema_id)
            self._write(content)
            return schema_id

    @contextmanager
    def _lock(self) -> Iterator[None]:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._directory / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as problem:
            raise BackendError(f"cannot write the schemas' folder {self._directory}: {problem.strerror}") from problem
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # let go by the kernel if the process dies
            yield
        finally:
            os.close(descriptor)

    def _read(self) -> "_Content":
        path = self._directory / FILE
        try:
            return _Content.of(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return _Content({}, {})
        except OSError as problem:
            raise BackendError(f"cannot read {path}: {problem.strerror}") from problem
        except (ValueError, TypeError, KeyError, AttributeError) as problem:
            raise FatalError(
                f"{path} is damaged ({problem}): restore it, ids in it belong to stored records"
            ) from problem

    def _write(self, content: "_Content") -> None:
        path = self._directory / FILE
        try:
            descriptor, name = tempfile.mkstemp(dir=self._directory, prefix=FILE)
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    json.dump(content.plain(), file, indent=1)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).chmod(0o644)
                Path(name).replace(path)
            except OSError:
                Path(name).unlink(missing_ok=True)  # the disk is full, and it would take more of it at each try
                raise
        except OSError as problem:
            raise BackendError(f"cannot write {path}: {problem.strerror}") from problem


class _Plain(TypedDict):
    """What stands in the file; in JSON, the numbers that are names are texts."""

    schemas: dict[int, str]
    subjects: dict[str, list[int]]


class _Content:
    def __init__(self, texts: dict[int, str], subjects: dict[str, list[int]]) -> None:
        self.texts = texts
        self.subjects = subjects

    @classmethod
    def of(cls, plain: "_Plain") -> "_Content":
        texts = {int(number): str(text) for number, text in plain["schemas"].items()}
        subjects = {str(name): [int(number) for number in numbers] for name, numbers in plain["subjects"].items()}
        return cls(texts, subjects)

    def plain(self) -> "_Plain":
        return {"schemas": self.texts, "subjects": self.subjects}


def _refuse_incompatible(subject: str, text: str, earlier: list[str]) -> None:
    for number, old in enumerate(earlier, start=1):
        problems = incompatibilities(reader=text, writer=old)
        if problems:
            raise FatalError(f"schema of {subject} cannot read its version {number}: {'; '.join(problems)}")
