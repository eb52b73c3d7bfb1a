"""A table that an earlier release wrote is read by this one, whatever its records' schema was."""

import base64
import json
from pathlib import Path

import pytest

from schemas.codec import canonical
from schemas.records import Gauge, RawCounters
from streams.gauges.converter import Converter, SchemaNeeded
from streams.gauges.fold.plan import Rules
from streams.runtime.registry.opening import FileRegistry
from streams.runtime.registry.serde import Serde
from tests.unit.gauges.making import T0_S, column, record, state

RELEASES = sorted(folder for folder in (Path(__file__).parent / "tables").iterdir() if folder.is_dir())


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.name)
async def test_a_table_of_an_earlier_release_goes_on(release: Path, tmp_path: Path):
    table = {
        key.encode(): base64.b64decode(entry) for key, entry in json.loads((release / "table.json").read_text()).items()
    }
    registry = FileRegistry(tmp_path)
    written_with = await registry.id_for("raw-counters-value", canonical((release / "raw_counters.avsc").read_text()))
    assert written_with == 1  # as it stands in the entries
    raw = Serde("raw-counters", "raw_counters", RawCounters, registry)
    gauge = Serde("gauges", "gauge", Gauge, registry)
    await raw.register()
    await gauge.register()
    converter = Converter(Rules(), raw, gauge, lambda _partition, key: table.get(key))
    now = record(
        [column("octets_in", [12_000, 12_060], rows_32=[1])],
        slot=T0_S + 120,
        states=[state("oper_state", ["up", "down"])],
        line_rates=[10**9, 10**8],
    )
    value = raw.encode(now)
    try:
        converted = converter.convert(0, now.resource.encode(), value)
    except SchemaNeeded as needed:
        await raw.prepare(needed.value)
        converted = converter.convert(0, now.resource.encode(), value)
    assert converted.asides == ()
    first, second = (gauge.decode(row) for row in converted.rows)
    assert (first.gauges, first.duration_s) == ({"octets_in": 100.0}, 60.0)
    assert second.gauges == {"octets_in": 101.0}
