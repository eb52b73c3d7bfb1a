"""Imports a whole library: every file; missing parents and profiles that do not pass lint are reported."""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pollers.profiles.importing import datadog, kentik, librenms, reference, snmp_exporter
from pollers.profiles.importing.device_tags import spread_device_tags
from pollers.profiles.importing.draft import Imported, Loss, to_yaml, unique
from pollers.profiles.importing.forms import DocumentForm
from pollers.profiles.loading import library
from pollers.profiles.loading.library import build_library, read_document
from pollers.profiles.place import Problem, ProfileError

SOURCES: Final[dict[str, Callable[[str, str], Imported]]] = {
    "kentik": kentik.import_file,
    "datadog": datadog.import_file,
    "librenms": librenms.import_file,
    "snmp_exporter": snmp_exporter.import_file,
    "panoptes": reference.import_file,
}
#: how the names of imported profiles begin
IMPORTED: Final = tuple(f"{tool.PREFIX}-" for tool in (kentik, datadog, librenms, snmp_exporter, reference))
ENDINGS: Final[dict[str, tuple[str, ...]]] = {
    "kentik": (".yml", ".yaml"),
    "datadog": (".yml", ".yaml"),
    "librenms": (".yml", ".yaml"),
    "snmp_exporter": (".yml", ".yaml"),
    "panoptes": (".json",),
}


class Extent(enum.StrEnum):
    """How much of a file was imported."""

    WHOLE = "whole"
    PARTLY = "partly"  #: something of it has no counterpart
    NOT = "not"  #: it gave no profile, or one that does not lint


@dataclass(frozen=True, slots=True)
class Result:
    """The result of an import."""

    profiles: Mapping[str, str]  #: name -> YAML, of those that lint
    losses: Sequence[Loss]
    problems: Sequence[Problem]  #: of those that do not lint
    files: int
    good_files: int  #: files that gave profiles, all of which lint
    extents: Mapping[str, Extent]  #: by file


def import_texts(source: str, texts: Mapping[str, str], known: Sequence[str] = (), *, override: bool = False) -> Result:
    """Import all texts (file -> text) as profiles; they may extend one another and the `known` ones.

    They are only taken where no other profile fits, unless they are to `override` those that do.
    """
    documents: dict[str, DocumentForm] = {}
    origin: dict[str, str] = {}
    losses: list[Loss] = []
    for file, text in texts.items():
        found = SOURCES[source](text, file)
        losses += found.losses
        for given, document in found.profiles.items():
            name = given
            if given in documents:
                name = unique(given, documents)
                document["profile"] = name
                losses.append(Loss(file, given, f"is called {name}, as {origin[given]} gives one of that name too"))
            documents[name] = document
            origin[name] = file
    for name, document in documents.items():
        losses += _drop_missing_parents(document, {*documents, *known}, origin[name])
    for missed in spread_device_tags(documents):
        what = f"{missed.table} has a {missed.tag} of its own"
        losses.append(Loss(origin[missed.profile], f"metric_tags.{missed.tag}", what))
    for document in documents.values():
        if "match" in document and not override:
            document["yields"] = True
    written = {name: to_yaml(document) for name, document in documents.items()}
    parsed, problems = _parse(written)
    library = build_library(parsed, problems)
    bad_files = {origin[name] for name in documents if name not in library.profiles}
    giving = set(origin.values())
    lost = {loss.file for loss in losses}
    extents = {
        file: Extent.NOT if file in bad_files or file not in giving else Extent.PARTLY if file in lost else Extent.WHOLE
        for file in texts
    }
    return Result(
        profiles={name: text for name, text in written.items() if name in library.profiles},
        losses=losses,
        problems=library.problems,
        files=len(texts),
        good_files=len(giving - bad_files),
        extents=extents,
    )


def _drop_missing_parents(document: DocumentForm, known: set[str], file: str) -> list[Loss]:
    parents = document.get("extends", [])
    missing = [parent for parent in parents if parent not in known]
    if missing:
        kept = [parent for parent in parents if parent in known]
        document.pop("extends")
        if kept:
            document["extends"] = kept
    return [Loss(file, "extends", f"{parent} is not among the files: what it has is missing") for parent in missing]


def _parse(written: Mapping[str, str]) -> tuple[list[library.Document], list[Problem]]:
    parsed: list[library.Document] = []
    problems: list[Problem] = []
    for name, text in written.items():
        try:
            parsed.append(read_document(text, f"{name}.yaml"))
        except ProfileError as error:
            problems += error.problems
    return parsed, problems
