"""The stage on the record loop: gauges, then the series' entry, then the record is done; damage costs what it is in."""

import io

import fastavro
import pytest

from schemas.codec import parsed_schema, to_avro
from schemas.errors import RecordError
from schemas.records import Gauge
from streams.gauges.agent import Gauges
from streams.gauges.fold.plan import Rules
from streams.gauges.samples.state import entry_key, read_entry, write_entry
from streams.pipeline import Topic
from streams.runtime.kernel.effects import Write
from streams.runtime.settings.loading import Settings
from streams.runtime.settings.sections import TracingSettings
from streams.runtime.tracing.spans import SlotName, TraceSpan
from tests.unit.gauges.making import T0_S, column, record
from tests.unit.runtime.kernel_fakes import FakeWorker, until

KEY = "lab|network|switch|acme|sw1"
GAUGES = "panoptes.gauges"


class Stage:
    """The stage in a worker that has the device's partition."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.worker = FakeWorker("gauges", settings)
        self.gauges = Gauges(self.worker, Rules(), ())
        self.partition = self.worker.partition(KEY)
        self.changelog = self.worker.changelog(self.gauges.table)

    async def start(self, *entries: Write) -> "Stage":
        await self.worker.context.serdes.register()
        self.gauges.table.store(self.partition, entries)
        await self.worker.own(self.partition)
        return self

    def bring(self, value: int, number: int, schema_id: int = 1) -> None:
        poll = record([column("o", [value])], slot=T0_S + 60 * number, resource=KEY)
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed_schema("raw_counters"), to_avro(poll))
        self.worker.bring(Topic.RAW_COUNTERS, KEY, bytes((0, 0, 0, 0, schema_id)) + out.getvalue())

    def made(self) -> list[dict[str, float]]:
        serde = self.worker.context.serdes.of(Topic.GAUGES, Gauge)
        return [dict(serde.decode(value or b"").gauges) for value in self.worker.sent.values(GAUGES)]

    def entries(self) -> list[Write]:
        table = self.gauges.table
        return [Write(key, table.get(self.partition, key)) for key in table.keys(self.partition)]


@pytest.fixture
async def stage() -> Stage:
    return await Stage().start()


async def test_samples_become_gauges_and_a_new_owner_goes_on_with_what_the_table_knows(stage: Stage):
    for number in range(3):
        stage.bring(600 * number, number)
    await stage.worker.idle()
    assert stage.made() == [{}, {"o": 10.0}, {"o": 10.0}]
    heir = await Stage().start(*stage.entries())
    heir.bring(1_800, 3)
    await heir.worker.idle()
    assert heir.made() == [{"o": 10.0}]


async def test_gauges_are_stored_before_the_entry_and_the_entry_before_the_record_is_done(stage: Stage):
    sent, written = stage.worker.sent.hold(GAUGES), stage.worker.sent.hold(stage.changelog)
    stage.bring(0, 0)
    await until(stage.worker.sent.waits.is_set)
    assert (stage.worker.sent.stored, stage.entries()) == ([], [])
    sent.set()
    await until(stage.made)
    assert (stage.worker.sent.values(stage.changelog), stage.entries()) == ([], [])
    assert stage.worker.offsets.in_flight() == 1
    written.set()
    await stage.worker.idle()
    assert len(stage.entries()) == 1


async def test_what_was_not_stored_before_a_rebalance_is_made_anew_from_the_table(stage: Stage):
    stage.bring(0, 0)
    await stage.worker.idle()
    stage.worker.sent.hold(stage.changelog)
    stage.worker.sent.waits.clear()
    stage.bring(600, 1)
    await until(stage.worker.sent.waits.is_set)
    stage.worker.assigned(stage.worker.places(stage.partition))
    stage.worker.sent._held.clear()
    stage.bring(600, 1)  # again
    stage.bring(1_200, 2)
    await stage.worker.idle()
    assert stage.made() == [{}, {"o": 10.0}, {"o": 10.0}, {"o": 10.0}]


async def test_an_entry_that_cannot_be_read_is_set_aside_by_the_name_of_its_changelog(stage: Stage):
    key = entry_key(f"{KEY}\x1finterfaces/acme/60\x1finterface", 0)
    heir = await Stage().start(Write(key, b"rubbish"))
    heir.bring(0, 0)
    await heir.worker.idle()
    assert heir.worker.letters.origins == [(heir.changelog, heir.partition, -1)]
    assert heir.made() == [{}]


async def test_an_entry_whose_schema_is_lost_costs_the_series_its_past_and_not_the_sample(stage: Stage):
    stage.bring(0, 0)
    await stage.worker.idle()
    [(key, value)] = stage.entries()
    entry = read_entry(value or b"")
    lost = write_entry(entry._replace(value=b"\0\0\0\0\x63" + entry.value[5:]))
    heir = await Stage().start(Write(key, lost))
    heir.bring(600, 1)
    heir.bring(1_200, 2)
    await heir.worker.idle()
    assert heir.made() == [{}, {"o": 10.0}]
    assert [str(why) for why in heir.worker.letters.why] == ["state with a record whose schema is lost"]


async def test_a_sample_whose_schema_is_lost_is_set_aside_and_the_next_one_is_taken(stage: Stage):
    stage.bring(0, 0, schema_id=9)
    stage.bring(0, 0)
    stage.worker.bring(Topic.RAW_COUNTERS, KEY, None)
    await stage.worker.idle()
    assert [str(why) for why in stage.worker.letters.why] == ["unknown schema id 9"]
    assert [type(why) for why in stage.worker.letters.why] == [RecordError]
    assert stage.made() == [{}]


async def test_what_the_stage_does_stands_in_its_metrics(stage: Stage):
    stage.bring(0, 0)
    await stage.worker.idle()
    text = stage.worker.context.metrics.text().decode()
    for line in ('gauges_total{stage="gauges"} 1.0', 'gauge_batches_total{stage="gauges"} 1.0',
                 'gauge_bytes_waiting{stage="gauges"} 0.0'):  # fmt: skip
        assert f"panoptes_{line}" in text


async def test_records_are_the_same_bytes_with_traces_and_a_span_tells_of_each_sample_once_it_is_stored(monkeypatch):
    on = Settings(tracing=TracingSettings(url="http://127.0.0.1:1", share=1))
    plain, traced = await Stage().start(), await Stage(on).start()
    spans: list[TraceSpan] = []
    monkeypatch.setattr(traced.worker.context.traces, "add", spans.append)
    for number in range(3):
        plain.bring(600 * number, number)
        traced.bring(600 * number, number)
    await plain.worker.idle()
    await traced.worker.idle()
    assert traced.worker.sent.values(GAUGES) == plain.worker.sent.values(GAUGES)
    assert traced.entries() == plain.entries()
    job = record([column("o", [0])], slot=T0_S, resource=KEY).job
    assert [span.of for span in spans] == [SlotName(KEY, job, T0_S + 60 * number) for number in range(3)]
    assert {(span.name, span.parent) for span in spans} == {("gauges", ("poll", ""))}
