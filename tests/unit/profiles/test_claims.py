"""No two built-in profiles claim the same device, unless something tells which of them is taken."""

from collections import Counter
from pathlib import Path

import pytest

from pollers.profiles.authoring.expected import Expected, read_expected
from pollers.profiles.loading.library import read_library
from pollers.profiles.loading.section import ProfileSection
from pollers.profiles.match import fits

BUILT_IN = read_library()
CLAIMS = {name: profile.match for name, profile in BUILT_IN.profiles.items() if profile.match}
EXPECTED: dict[str, Expected] = {
    expected.profile: expected
    for path in sorted((Path(__file__).parent / "families").glob("*.yaml"))
    for expected in [read_expected(path)]
}


def extended(name: str) -> set[str]:
    """Return all that a profile extends, near or far."""
    parents = ProfileSection(BUILT_IN.documents[name].root, "", []).texts("extends")
    return {*parents, *(one for parent in parents for one in extended(parent))}


def test_a_sys_object_id_without_a_sys_descr_is_one_profiles():
    plain = Counter(oid for match in CLAIMS.values() if match.sys_descr is None for oid in match.sys_object_ids)
    assert [oid for oid, times in plain.items() if times > 1] == []


@pytest.mark.parametrize("name", sorted(name for name, match in CLAIMS.items() if match.sys_descr is not None))
def test_what_sys_descr_tells_apart_is_claimed_by_one_profile_or_by_kinds_of_one_another(name: str):
    expected = EXPECTED[name]
    assert expected.sys_object_ids
    for oid in expected.sys_object_ids:
        best, *others = fits(BUILT_IN.profiles.values(), oid, expected.sys_descr)
        assert best.name == name
        equal = {other.name for other in others if other[:3] == best[:3]}
        assert equal <= extended(name)


@pytest.mark.parametrize("name", sorted(CLAIMS))
def test_every_profile_is_taken_for_a_device_of_its_own(name: str):
    assert EXPECTED[name].sys_object_ids
