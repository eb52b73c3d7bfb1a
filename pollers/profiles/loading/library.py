"""Loads all profiles of some folders: reads, merges by `extends`, checks; a bad file does not affect the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from pollers.profiles.loading.check import check_profile
from pollers.profiles.loading.load import read_profile
from pollers.profiles.loading.nodes import Node, merge_profiles, parse_yaml
from pollers.profiles.loading.section import ProfileSection
from pollers.profiles.model import Profile
from pollers.profiles.place import FileLine, Problem, ProfileError

#: the profiles that come with the package
BUILT_IN: Final = Path(__file__).parents[1] / "library"
MAX_EXTENDS: Final = 16
#: each section with profiles reads the same files: what was made of a text is shared, as often as it is read
_KEPT: Final = 512


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One profile as written; one object for each text of a file."""

    name: str
    root: Node
    problems: tuple[Problem, ...] = ()  #: what is wrong with it already as YAML


@dataclass(frozen=True, slots=True)
class Library:
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    problems: Sequence[Problem] = ()  #: what is wrong with the profiles that are not in `profiles`
    broken: frozenset[str] = frozenset()  #: their names
    documents: Mapping[str, Document] = field(default_factory=dict, repr=False)  #: what the profiles were made of


@lru_cache(maxsize=_KEPT)
def read_document(text: str, file: str) -> Document:
    """Parse a profile's document without merging it. Raises ProfileError."""
    root, problems = parse_yaml(text, file)
    if not isinstance(root.value, Mapping):
        raise ProfileError([*problems, Problem(root.at, "", "a mapping (profile: name, ...)")])
    name_node = root.value.get("profile")
    name = name_node.value if name_node else None
    if not isinstance(name, str) or not _is_profile_name(name):
        at = name_node.at if name_node else root.at
        raise ProfileError([*problems, Problem(at, "profile", "a name of letters, digits, - _ and . (at most 64)")])
    if any(problem.key == "profile" for problem in problems):  # nobody knows which profile it is to be
        raise ProfileError(problems)
    return Document(name, root, tuple(problems))


def _is_profile_name(name: str) -> bool:
    return 0 < len(name) <= 64 and name[0].isalnum() and all(sign.isalnum() or sign in "-_." for sign in name)


def build_library(documents: Sequence[Document], broken: Sequence[Problem] = ()) -> Library:
    """Build the library of these documents; a later document replaces an earlier one of the same name."""
    by_name = {document.name: document for document in documents}
    profiles: dict[str, Profile] = {}
    problems = list(broken)
    bad: set[str] = set()
    for name in by_name:
        try:
            profiles[name] = _read(_lineage(by_name, name))
        except ProfileError as error:
            problems += error.problems
            bad.add(name)
    return Library(profiles, tuple(dict.fromkeys(problems)), frozenset(bad), by_name)


def _lineage(documents: Mapping[str, Document], name: str) -> tuple[Document, ...]:
    """Return a document and all that it extends, directly or not: what its profile depends on."""
    found: dict[str, Document] = {}
    waiting = [name]
    while waiting:
        if (here := waiting.pop()) in documents and here not in found:
            found[here] = documents[here]
            waiting += ProfileSection(documents[here].root, "", []).texts("extends")
    return tuple(found.values())


@lru_cache(maxsize=_KEPT)
def _read(lineage: tuple[Document, ...]) -> Profile:
    """Return the first one's profile. Raises ProfileError with all that is wrong with it, in the order of its lines."""
    documents, name = {document.name: document for document in lineage}, lineage[0].name
    found: list[Problem] = []
    profile, problems = read_profile(_merged(documents, name, (), found), name)
    found += [*problems, *check_profile(profile)]
    if found:
        raise ProfileError(sorted(found, key=lambda problem: problem.at))
    return profile


def _merged(documents: Mapping[str, Document], name: str, above: tuple[str, ...], found: list[Problem]) -> Node:
    """Return a document with all that it takes over; what is wrong with one of them as YAML is added to `found`.

    Raises ProfileError where a document that it extends is missing or extends it in turn.
    """
    root = documents[name].root
    found += documents[name].problems
    if name in above or len(above) > MAX_EXTENDS:
        raise ProfileError([*found, Problem(root.at, "extends", f"no circle: {' -> '.join((*above, name))}")])
    own = root.value if isinstance(root.value, Mapping) else {}
    problems: list[Problem] = []
    section = ProfileSection(root, "", problems)
    merged: dict[str, Node] = {}
    at = section.line_of("extends")
    for parent in section.texts("extends"):
        if parent not in documents:
            problems.append(Problem(at, "extends", f"a profile that exists, not {parent!r}"))
            continue
        inherited = _merged(documents, parent, (*above, name), found).value
        merged = merge_profiles(merged, inherited) if isinstance(inherited, Mapping) else merged
    if problems:
        raise ProfileError([*found, *problems])
    return Node(root.at, merge_profiles(merged, own))


def merged_document(documents: Mapping[str, Document], name: str) -> Mapping[str, Node]:
    """Return a document's sections merged with those that it extends. Raises ProfileError."""
    found: list[Problem] = []
    merged = _merged(documents, name, (), found).value
    if found or not isinstance(merged, Mapping):
        raise ProfileError(found)
    return merged


def profile_files(folders: Sequence[Path]) -> list[Path]:
    """Return the profile files in order: built-in ones first, so that later folders override by name."""
    found: list[Path] = []
    for folder in (BUILT_IN, *folders):
        found += sorted(path for path in folder.rglob("*.y*ml") if path.suffix in {".yaml", ".yml"})
    return found


def read_library(folders: Sequence[Path] = (), files: Sequence[Path] = ()) -> Library:
    """Read the built-in profiles and those of folders and files; unreadable files are among its problems."""
    documents: list[Document] = []
    problems: list[Problem] = []
    for path in (*profile_files(folders), *files):
        try:
            documents.append(read_document(path.read_text(encoding="utf-8"), str(path)))
        except ProfileError as error:
            problems += error.problems
        except (OSError, UnicodeDecodeError) as error:
            problems.append(Problem(FileLine(str(path), 0), "", f"a readable UTF-8 file ({type(error).__name__})"))
    return build_library(documents, problems)
