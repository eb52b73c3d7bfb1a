"""A downgrade is refused before anything is written, with a line that says what to do."""

import json

import pytest

from schemas.codec import canonical_text
from schemas.errors import FatalError
from streams.pipeline import TOPICS, Topic
from streams.runtime.registry.files import FileRegistry
from streams.runtime.registry.newer import is_older
from streams.runtime.registry.serde import Serdes
from streams.runtime.settings.loading import Settings
from streams.runtime.settings.sections import RegistrySettings

SUBJECT = "panoptes.gauges-value"
OURS = canonical_text(TOPICS[Topic.GAUGES].schema)


def newer(text: str) -> str:
    schema = json.loads(text)
    schema["fields"].append({"name": "of_tomorrow", "type": "int", "default": 0})
    return json.dumps(schema)


@pytest.mark.parametrize(
    ("versions", "older"),
    [
        pytest.param([], False, id="nothing-there"),
        pytest.param([OURS], False, id="ours"),
        pytest.param(['"long"'], False, id="an-upgrade"),
        pytest.param([OURS, newer(OURS)], True, id="a-downgrade"),
        pytest.param([newer(OURS), OURS], False, id="taken-back-already"),
        pytest.param([json.dumps(json.loads(OURS), indent=2), '"int"'], True, id="written-otherwise"),
    ],
)
def test_whether_ours_is_the_older(versions, older):
    assert is_older(OURS, versions) is older


async def test_a_downgrade_is_refused_and_registers_nothing(tmp_path):
    registry = FileRegistry(tmp_path)
    await registry.id_for(SUBJECT, OURS)
    await registry.id_for(SUBJECT, newer(OURS))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(FatalError, match=r"panoptes.gauges-value: a newer version of this software .* allow_newer"):
        await Serdes(Settings(), registry).register()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


async def test_while_an_upgrade_is_rolled_out_the_older_one_goes_on(tmp_path):
    registry = FileRegistry(tmp_path)
    await registry.id_for(SUBJECT, OURS)
    await registry.id_for(SUBJECT, newer(OURS))
    await Serdes(Settings(registry=RegistrySettings(allow_newer=True)), registry).register()
    assert len(await registry.ids_of("panoptes.poll-status-value")) == 1
