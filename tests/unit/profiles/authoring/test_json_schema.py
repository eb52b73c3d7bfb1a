"""The shipped JSON Schema says the same as the loader."""

import json
from pathlib import Path
from typing import Any, ClassVar

import jsonschema
import pytest
import yaml

from pollers.profiles.authoring import json_schema
from pollers.profiles.loading.library import BUILT_IN


class Yaml12(yaml.SafeLoader):
    """YAML as 1.2 has it, and as editors check it: `on` is a text, only `true` and `false` are truth values."""

    yaml_implicit_resolvers: ClassVar = {
        first: [entry for entry in entries if entry[0] != "tag:yaml.org,2002:bool" or first in "tfTF"]
        for first, entries in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


SHIPPED = BUILT_IN.parent / "profile.schema.json"
VALIDATOR = jsonschema.Draft202012Validator(json_schema.schema())


def test_the_shipped_schema_is_the_one_of_this_loader():
    assert SHIPPED.read_text() == json_schema.text()


@pytest.mark.parametrize("path", sorted(BUILT_IN.rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_built_in_profile_is_valid(path: Path):
    assert [error.message for error in VALIDATOR.iter_errors(yaml.load(path.read_text(), Yaml12))] == []  # noqa: S506


@pytest.mark.parametrize("path", sorted(BUILT_IN.rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_built_in_profile_is_valid_for_yaml_1_1_too(path: Path):
    """Where `on` without quotes is a truth value, as many editors and tools still have it."""
    assert [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(path.read_text()))] == []


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({}, id="no-name"),
        pytest.param({"profile": "x", "unknown": 1}, id="unknown-key"),
        pytest.param({"profile": "x", "tables": {"t": {"columns": {"c": {"unit": "s"}}}}}, id="column-without-oid"),
        pytest.param({"profile": "x", "tables": {"t": {"columns": {"c": "not.an.oid"}}}}, id="bad-oid"),
        pytest.param({"profile": "x", "interval": "soon"}, id="bad-duration"),
        pytest.param({"profile": "x", "match": {}}, id="empty-match"),
    ],
)
def test_what_the_loader_refuses_the_schema_refuses(wrong: dict[str, Any]):
    assert list(VALIDATOR.iter_errors(wrong))


def test_the_schema_is_json():
    assert json.loads(SHIPPED.read_text())["$id"].endswith("/1.json")
