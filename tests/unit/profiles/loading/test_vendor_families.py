"""Each file in families/ is one: a walk as its MIBs have it (types, ranges, texts), and what a poll makes of it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pollers.profiles.loading.library import read_library
from pollers.profiles.match import best_profile
from tests.unit.profiles.loading.test_families import rows_of

BUILT_IN = read_library()
FAMILIES = [
    pytest.param(yaml.safe_load(path.read_text()), id=path.stem)
    for path in sorted((Path(__file__).parents[1] / "families").glob("*.yaml"))
]


def values(row: dict[str, Any]) -> dict[str, Any]:
    return {**row["gauges"], **row["states"], **row["counters"]}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_has_the_rows_that_its_mibs_describe(family: dict[str, Any]):
    found = {key: values(row) for key, row in rows_of(family["profile"], family["walk"]).items()}
    expected = {(group, str(key)): row for group, rows in family["rows"].items() for key, row in rows.items()}
    assert {key: found.get(key) for key in expected} == expected
    assert {group for group, _ in found} - {"interface"} == set(family["rows"])


@pytest.mark.parametrize("family", [family for family in FAMILIES if family.values[0]["sys_object_ids"]])
def test_a_family_is_known_by_its_sys_object_ids(family: dict[str, Any]):
    chosen = {best_profile(BUILT_IN.profiles.values(), oid, "") for oid in family["sys_object_ids"]}
    assert chosen == {family["profile"]}
