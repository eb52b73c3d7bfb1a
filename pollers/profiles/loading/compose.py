"""Adds to a device's profile the standard MIBs that the device has and the profile does not replace."""

from collections.abc import Mapping, Sequence
from typing import Final

from pollers.profiles.loading.check import check_profile
from pollers.profiles.loading.library import Document, Library, merged_document
from pollers.profiles.loading.load import read_profile
from pollers.profiles.loading.nodes import Node, merge_profiles
from pollers.profiles.loading.section import ProfileSection
from pollers.profiles.model import Profile
from pollers.profiles.place import ProfileError

#: together they say more than one after the other: memory without caches, processors one by one
_TOGETHER: Final = ((frozenset({"host-resources", "ucd-snmp"}), "net-snmp"),)
_MOST: Final = 2_000  #: compositions that are kept; there are as many as kinds of devices


class Composer:
    """Composes profiles from one library; each combination once."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._made: dict[tuple[str, tuple[str, ...]], Profile] = {}

    def profile(self, name: str, standards: Sequence[str]) -> Profile | None:
        """Return the profile of this name with these standard MIBs added; None where there is no such profile.

        What the profile extends or `replaces` is not added again. Of a group that both have, the profile's own table
        counts where it has rows. A composition that is unsound for whatever reason is the profile alone.
        """
        base = self.library.profiles.get(name)
        if base is None or not standards:
            return base
        key = (name, tuple(standards))
        found = self._made.get(key)
        if found is None:
            if len(self._made) >= _MOST:
                self._made.clear()
            found = self._made[key] = _composed(self.library, base, standards)
        return found


def _composed(library: Library, base: Profile, standards: Sequence[str]) -> Profile:
    documents = library.documents
    if base.name not in documents:
        return base
    has = _taken_over(documents, base.name)
    taken = [name for name in standards if name in library.profiles and name not in has]
    for several, one in _TOGETHER:
        if several <= set(taken) and one in library.profiles:
            taken = [name for name in taken if name not in several] + [one]
    if not taken:
        return base
    merged: dict[str, Node] = {}
    groups: Node | None = None
    try:
        for name in (*taken, base.name):
            own = merged_document(documents, name)
            merged = merge_profiles(merged, own)
            groups = _groups(groups, own.get("emit"))
        if groups is not None:
            merged["emit"] = groups
        profile, problems = read_profile(Node(base.at, merged), base.name)
    except ProfileError:
        return base
    return base if problems or check_profile(profile) else profile


def _taken_over(documents: Mapping[str, Document], name: str) -> set[str]:
    """Return a profile's name, and what it extends and replaces."""
    found = {name}
    if name not in documents:
        return found
    section = ProfileSection(documents[name].root, "", [])
    for parent in (*section.texts("extends"), *section.texts("replaces")):
        found |= _taken_over(documents, parent) if parent not in found else set()
    return found


def _groups(standard: Node | None, own: Node | None) -> Node | None:
    """Return the groups of both: of the same group the own tables first, unless those are side by side."""
    if standard is None or own is None or not isinstance(standard.value, Mapping) or not isinstance(own.value, Mapping):
        return own or standard
    groups = dict(standard.value)
    for name, node in own.value.items():
        other = groups.get(name)
        groups[name] = node if other is None else _either(node, other)
    return Node(own.at, groups)


def _either(own: Node, other: Node) -> Node:
    """Return a group of the first of both that has rows; the own one alone where several of it count together."""
    first, second = _tables(own), _tables(other)
    if first is None or second is None or set(second) <= set(first):
        return own
    both = (*first, *(table for table in second if table not in first))
    value = dict(own.value) if isinstance(own.value, Mapping) else {}
    kept = {key: node for key, node in value.items() if key == "interval"}
    return Node(own.at, {**kept, "first_of": Node(own.at, tuple(Node(own.at, table) for table in both))})


def _tables(group: Node) -> tuple[str, ...] | None:
    """Return the tables of a group of which one counts; None where several count together."""
    value = group.value
    if isinstance(value, Mapping):
        section = ProfileSection(group, "", [])
        first_of = section.texts("first_of")
        listed = (*section.texts("table"), *section.texts("tables"))
        return first_of or (listed if len(listed) == 1 else None)
    if isinstance(value, str):
        return (value,)
    return (str(value[0].value),) if value is not None and len(value) == 1 else None
