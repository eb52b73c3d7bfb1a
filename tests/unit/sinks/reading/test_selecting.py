"""Statuses and samples keep what the filters want, and of a sample's rows everything that belongs to them."""

from schemas.records import CounterColumn, DimensionColumn, MissingCells, Outcome, PollStatus, RawCounters, StateColumn
from streams.pipeline import Topic
from streams.sinks.reading.records import Records, Wanted
from streams.sinks.reading.selecting import wanted_samples, wanted_statuses
from tests.unit.sinks.batches import decoding

SAMPLE = RawCounters(
    resource="fra1|network|switch|cisco|sw1.fra1",
    site="fra1",
    endpoint="192.0.2.1",
    labels={},
    job="interfaces/cisco-ios/60",
    group="interface",
    interval_s=60,
    index=["Null0", "Gi0/1", "Gi0/2"],
    dimensions=[DimensionColumn(name="alias", values=["", "up", "down"])],
    line_rates=[0, 1, 2],
    slot=1_700_000_040,
    polled_at_ms=1_700_000_040_120,
    counters=[CounterColumn(name="octets_in", width=64, rows_32=[0, 2], unit="octets", values=[1, 2, 3])],
    states=[StateColumn(name="oper_state", values=["up", "up", "down"])],
    missing=[MissingCells(column="octets_in", reason="x", rows=[0]), MissingCells(column="y", reason="z", rows=[0, 2])],
)


def records(topic: Topic, rows: str) -> Records:
    wanted = Wanted("", rows)
    made = Records(topic, [], decoding(wanted))
    made.raw_counters = [SAMPLE]
    made.poll_statuses = [STATUS]
    return made


STATUS = PollStatus(
    resource=SAMPLE.resource,
    site="fra1",
    endpoint="192.0.2.1",
    job="interfaces/cisco-ios/60",
    slot=SAMPLE.slot,
    interval_s=60,
    outcome=Outcome.SUCCESS,
    started_at_ms=SAMPLE.polled_at_ms,
    reason="",
    lateness_ms=3,
    duration_ms=20,
    packets_sent=4,
    retries=0,
    values=300,
    worker="w",
)


def test_a_sample_keeps_the_wanted_rows_and_what_is_theirs():
    [found] = wanted_samples(records(Topic.RAW_COUNTERS, "row != 'Null0'"))
    assert found.index == ["Gi0/1", "Gi0/2"]
    assert [column.values for column in (*found.dimensions, *found.counters, *found.states)] == [
        ["up", "down"], [2, 3], ["up", "down"],
    ]  # fmt: skip
    assert found.counters[0].rows_32 == [1]
    assert (found.line_rates, found.offsets_ms) == ([1, 2], [])
    assert found.missing == [MissingCells(column="y", reason="z", rows=[1])]


def test_a_sample_of_which_all_is_wanted_is_the_same_and_one_without_a_wanted_row_goes():
    assert wanted_samples(records(Topic.RAW_COUNTERS, "")) == [SAMPLE]
    assert wanted_samples(records(Topic.RAW_COUNTERS, "dimension.alias = 'none'")) == []


def test_statuses_are_rows_of_the_group_poll():
    assert wanted_statuses(records(Topic.POLL_STATUS, "group = 'poll' AND row LIKE 'interfaces/%'")) == [STATUS]
    assert wanted_statuses(records(Topic.POLL_STATUS, "group = 'interface'")) == []
