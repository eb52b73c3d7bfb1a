"""The polling plugin against a session that answers from a recording, or fails as devices fail."""

import asyncio
import gc
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pollers.plugins.base import OptionError, PluginContext, Sample
from pollers.plugins.snmp import facts as snmp_facts
from pollers.plugins.snmp import interfaces as snmp_interfaces
from pollers.plugins.snmp import polling as snmp_profile
from pollers.profiles.authoring.recording import RecordedSession, read_recording
from pollers.profiles.reading.frames import TableFrame
from pollers.snmp.client import Device, Session
from pollers.snmp.errors import AgentError, AuthRefused, DeadlineExceeded, NoAnswer, SnmpError, Unreachable
from pollers.snmp.values import SnmpTable, TableProblem
from schemas.records import EnrichedResource, Job, Outcome, Resource

ROUTER = """\
1.3.6.1.2.1.1.1.0|4|A router
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999.1
1.3.6.1.2.1.1.3.0|67|{uptime}
1.3.6.1.2.1.1.5.0|4|r1
1.3.6.1.2.1.2.2.1.2.1|4|GigabitEthernet0/1
1.3.6.1.2.1.2.2.1.2.2|4|GigabitEthernet0/2
1.3.6.1.2.1.2.2.1.5.1|66|1000000000
1.3.6.1.2.1.2.2.1.5.2|66|4294967295
1.3.6.1.2.1.2.2.1.10.2|65|7
1.3.6.1.2.1.2.2.1.14.1|65|3
1.3.6.1.2.1.2.2.1.14.2|65|4
1.3.6.1.2.1.31.1.1.1.1.1|4|Gi0/1
1.3.6.1.2.1.31.1.1.1.1.2|4|Gi0/2
1.3.6.1.2.1.31.1.1.1.6.1|70|18446744073709551615
1.3.6.1.2.1.31.1.1.1.15.1|66|1000
1.3.6.1.2.1.31.1.1.1.15.2|66|10000
"""
RESOURCE = Resource(
    site="lab",
    resource_class="network",
    resource_subclass="router",
    resource_type="any",
    resource_id="r1",
    endpoint="192.0.2.1",
    plugins=["test"],
    first_seen_ms=0,
    last_seen_ms=0,
)
JOB = Job(plugin="everything", profile="if-mib", interval_s=60)


class Bench:
    """An Access whose device answers from a text, and whose clock the test turns."""

    def __init__(self, text: str = ROUTER, error: SnmpError | None = None, options: Mapping[str, str] = {}) -> None:
        self.text = text
        self.error = error
        self.uptime = 100_000
        self.now_ms = 1_700_000_000_000
        self.asked: list[list[str]] = []
        self.context = PluginContext(
            section="everything", interval_s=60, options=options, snmp=self, now_ms=lambda: self.now_ms
        )

    def open(self, device: Device, deadline_s: float) -> AbstractAsyncContextManager[Session]:
        return self._open(device, deadline_s)

    @asynccontextmanager
    async def _open(self, _device: Device, _deadline_s: float) -> AsyncIterator[Session]:
        if self.error:
            raise self.error
        session = Listening(read_recording(self.text.format(uptime=self.uptime), "bench"))
        yield session
        self.asked.append(session.asked)

    async def close(self) -> None: ...

    def pass_time(self, seconds: int) -> None:
        self.now_ms += seconds * 1_000
        self.uptime += seconds * 100


class Listening(RecordedSession):
    """A recorded session that remembers which columns it was asked for."""

    def __init__(self, entries: list) -> None:
        super().__init__(entries)
        self.asked: list[str] = []

    async def walk(self, columns):
        self.asked += columns
        return await super().walk(columns)


def enriched(enrichments: Mapping = {}) -> EnrichedResource:
    return EnrichedResource(resource=RESOURCE, enrichments=enrichments, jobs=[JOB], jobs_since_ms=0)


async def test_a_poll_gives_the_interfaces_with_widths_line_rates_and_reasons():
    poll = await snmp_profile.create(Bench().context).poll(enriched(), JOB, 0)
    assert (poll.outcome, poll.reason) == (Outcome.SUCCESS, "")
    (sample,) = poll.samples
    counters = {column.name: column for column in sample.counters}
    missing = {(cells.column, cells.reason): list(cells.rows) for cells in sample.missing}
    assert sample.index == ["Gi0/1", "Gi0/2"]
    assert sample.uptime_cs == 100_000
    assert (counters["octets_in"].width, counters["octets_in"].rows_32) == (64, [1])
    assert counters["octets_in"].values == [-1, 7]
    assert counters["octets_in"].unit == "octets"
    assert (counters["errors_in"].width, counters["errors_in"].values) == (32, [3, 4])
    assert (sample.absent["octets_out"], "octets_out" in counters) == ("not-answered", False)
    assert not missing.keys() & {("octets_out", "not-answered")}
    assert sample.line_rates == [1_000_000_000, 10_000_000_000]


async def test_interfaces_carry_their_index_and_what_the_agent_lacks_stands_in_no_row():
    (sample,) = (await snmp_profile.create(Bench().context).poll(enriched(), JOB, 0)).samples
    assert next(column.values for column in sample.dimensions if column.name == "if_index") == ["1", "2"]
    lacking = {cells.column for cells in sample.missing if len(cells.rows) == len(sample.index)}
    columns = {column.name for column in (*sample.counters, *sample.gauges, *sample.states)}
    assert not sample.absent.keys() & (lacking | columns)
    assert sample.complete


async def test_a_group_that_vanishes_gets_one_empty_sample():
    bench = Bench()
    plugin = snmp_profile.create(bench.context)
    seen = []
    for text in (ROUTER, ROUTER.split("1.3.6.1.2.1.2.2.1.2.1", maxsplit=1)[0], None, ROUTER):
        bench.text = text or bench.text
        poll = await plugin.poll(enriched(), JOB, 0)
        seen.append([(sample.group, list(sample.index), sample.complete) for sample in poll.samples])
        bench.pass_time(700)  # a table without rows is looked at every ten minutes
    rows = [("interface", ["Gi0/1", "Gi0/2"], True)]
    assert seen == [rows, [("interface", [], True)], [], rows]


@pytest.mark.parametrize(
    ("kept", "samples"),
    [
        pytest.param(1, [(["Gi0/1"], False)], id="half-of-the-table"),
        pytest.param(0, [], id="nothing-of-it"),
    ],
)
async def test_a_walk_that_breaks_off_ends_neither_rows_nor_groups(monkeypatch, kept, samples):
    bench = Bench()
    plugin = snmp_profile.create(bench.context)
    await plugin.poll(enriched(), JOB, 0)
    bench.pass_time(60)
    whole = Listening.walk

    async def broken(self, columns):
        table = await whole(self, columns)
        cut = [column._replace(types=column.types[:kept], data=column.data[:kept]) for column in table.columns]
        return SnmpTable(
            table.rows[:kept], cut, table.offsets_ms[:kept], [TableProblem("oid-not-increasing", "at 1.3")]
        )

    monkeypatch.setattr(Listening, "walk", broken)
    poll = await plugin.poll(enriched(), JOB, 60)
    assert poll.outcome is Outcome.PARTIAL
    assert [(list(sample.index), sample.complete) for sample in poll.samples] == samples


async def test_what_a_device_lacks_is_asked_once_until_it_reboots():
    bench = Bench()
    plugin = snmp_profile.create(bench.context)
    for _ in range(3):
        await plugin.poll(enriched(), JOB, 0)
        bench.pass_time(60)
    assert "1.3.6.1.2.1.31.1.1.1.10" in bench.asked[0]
    assert bench.asked[1] == bench.asked[2]
    assert set(bench.asked[1]) == {"1.3.6.1.2.1.31.1.1.1.6", "1.3.6.1.2.1.2.2.1.10", "1.3.6.1.2.1.2.2.1.14"}
    bench.uptime = 500
    await plugin.poll(enriched(), JOB, 0)
    assert bench.asked[3] == bench.asked[0]


async def test_slow_columns_are_read_again_after_their_refresh_and_when_a_row_appears():
    bench = Bench()
    plugin = snmp_profile.create(bench.context)
    await plugin.poll(enriched(), JOB, 0)
    bench.pass_time(1_801)
    await plugin.poll(enriched(), JOB, 0)
    assert "1.3.6.1.2.1.31.1.1.1.1" in bench.asked[1]
    bench.text += "1.3.6.1.2.1.2.2.1.14.3|65|0\n1.3.6.1.2.1.31.1.1.1.1.3|4|Gi0/3\n"
    bench.pass_time(60)
    poll = await plugin.poll(enriched(), JOB, 0)
    assert poll.samples[0].index == ["Gi0/1", "Gi0/2", "Gi0/3"]


async def test_enrichment_spares_the_poll_the_slow_columns():
    bench = Bench()
    enrichments = await snmp_interfaces.create(bench.context).enrich(RESOURCE)
    assert enrichments["interface"].rows["1"]["name"] == "Gi0/1"
    assert enrichments["interface"].rows["1"]["speed_bits_per_s"] == "1000000000"
    poll = await snmp_profile.create(bench.context).poll(enriched(enrichments), JOB, 0)
    assert "1.3.6.1.2.1.31.1.1.1.1" not in bench.asked[-1]
    assert poll.samples[0].index == ["Gi0/1", "Gi0/2"]
    assert poll.samples[0].line_rates == [1_000_000_000, 10_000_000_000]


async def test_what_rows_are_known_by_is_the_same_from_poll_to_poll_until_it_changes():
    bench = Bench()
    before = enriched(await snmp_interfaces.create(bench.context).enrich(RESOURCE))
    plugin = snmp_profile.create(bench.context)

    async def sample(resource: EnrichedResource) -> Sample:
        bench.pass_time(60)
        (found,) = (await plugin.poll(resource, JOB, 0)).samples
        return found

    first, second = await sample(before), await sample(before)
    assert first.unchanged_since is not None
    assert second.unchanged_since is first.unchanged_since
    assert (second.index, second.line_rates) == (first.index, first.line_rates)
    assert (second.dimensions, second.derived) == (first.dimensions, first.derived)
    bench.text = bench.text.replace("Gi0/1", "Te0/1")
    renamed = await sample(enriched(await snmp_interfaces.create(bench.context).enrich(RESOURCE)))
    assert renamed.unchanged_since is not first.unchanged_since
    assert renamed.index == ["Te0/1", "Gi0/2"]


async def test_a_poll_leaves_nothing_behind_for_the_garbage_collector():
    bench = Bench()
    resource = enriched(await snmp_interfaces.create(bench.context).enrich(RESOURCE))
    plugin = snmp_profile.create(bench.context)
    await plugin.poll(resource, JOB, 0)
    gc.collect()
    gc.disable()
    try:
        bench.pass_time(60)
        poll = await plugin.poll(resource, JOB, 0)
        assert poll.samples
        del poll
        assert not [found for found in gc.get_objects() if isinstance(found, TableFrame)]
    finally:
        gc.enable()


async def test_enrichment_from_before_a_reboot_is_not_believed():
    bench = Bench()
    enrichments = await snmp_interfaces.create(bench.context).enrich(RESOURCE)
    bench.pass_time(600)
    bench.uptime = 3_000
    bench.text = bench.text.replace("Gi0/1", "Te0/1")
    poll = await snmp_profile.create(bench.context).poll(enriched(enrichments), JOB, 0)
    assert poll.samples[0].index == ["Te0/1", "Gi0/2"]


async def test_device_facts_name_the_profile_that_fits():
    facts = (await snmp_facts.create(Bench().context).enrich(RESOURCE))["device"].facts
    assert facts["sys_object_id"] == "1.3.6.1.4.1.99999.1"
    assert facts["sys_name"] == "r1"
    assert facts["profile"] == "if-mib"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        pytest.param(NoAnswer("no answer with any of 2 credentials"), Outcome.TIMEOUT, id="silent"),
        pytest.param(DeadlineExceeded("over"), Outcome.TIMEOUT, id="deadline"),
        pytest.param(AuthRefused("usmStatsWrongDigests"), Outcome.AUTH, id="refused"),
        pytest.param(Unreachable("silent for long", 5), Outcome.UNREACHABLE, id="unreachable"),
        pytest.param(AgentError("genErr"), Outcome.PARTIAL, id="agent-error"),
    ],
)
async def test_a_failed_device_is_an_outcome(error: SnmpError, outcome: Outcome):
    poll = await snmp_profile.create(Bench(error=error).context).poll(enriched(), JOB, 0)
    assert poll.outcome is outcome
    assert str(error) in poll.reason
    assert poll.unreachable_since_ms == getattr(error, "since_ms", None)


async def test_a_device_that_falls_silent_half_way_gives_what_was_read():
    bench = Bench()

    async def silent(_self: Listening, _columns: list[str]) -> SnmpTable:
        raise NoAnswer("gone")

    plugin = snmp_profile.create(bench.context)
    original, Listening.walk = Listening.walk, silent
    try:
        poll = await plugin.poll(enriched(), JOB, 0)
    finally:
        Listening.walk = original
    assert (poll.outcome, poll.samples) == (Outcome.PARTIAL, [])
    assert "gone" in poll.reason


def test_jobs_are_the_intervals_of_the_profile():
    assert snmp_profile.create(Bench().context).jobs(RESOURCE, {}) == [JOB]


@pytest.mark.parametrize(
    "options",
    [{"profile": "nonsense"}, {"unknown": "1"}, {"profiles": "/does/not/exist"}, {"deadline_s": "soon"}],
    ids=str,
)
def test_options_that_cannot_be_used_are_refused(options: Mapping[str, str]):
    context = replace(Bench().context, options=options)
    with pytest.raises(OptionError):
        snmp_profile.create(context)


async def test_a_profile_that_is_added_is_used_within_a_minute_without_a_restart(tmp_path: Path):
    bench = Bench(options={"profiles": str(tmp_path)})
    plugin = await asyncio.to_thread(snmp_profile.create, bench.context)
    facts = await snmp_facts.create(Bench().context).enrich(RESOURCE)
    assert [sample.group for sample in (await plugin.poll(enriched(facts), JOB, 0)).samples] == ["interface"]
    await asyncio.to_thread(
        (tmp_path / "new.yaml").write_text,
        "profile: new\nmatch: {sys_object_id: [1.3.6.1.4.1.99999.1]}\n"
        "tables: {t: {columns: {errors: {oid: 1.3.6.1.2.1.2.2.1.14, use: counter}}}}\nemit: {mine: t}\n",
    )
    bench.pass_time(60)
    assert [sample.group for sample in (await plugin.poll(enriched(facts), JOB, 0)).samples] == ["interface", "mine"]
    assert plugin.jobs(RESOURCE, facts) == [replace(JOB, profile="new")]
    await asyncio.to_thread((tmp_path / "new.yaml").write_text, "profile: new\nbroken: 1\n")
    bench.pass_time(60)
    assert [sample.group for sample in (await plugin.poll(enriched(facts), JOB, 0)).samples] == ["interface", "mine"]
    assert plugin.broken_profiles == 1


def test_a_section_may_poll_some_groups_only_and_a_fixed_profile():
    bench = Bench(options={"profile": "linux", "groups": "cpu memory"})
    plugin = snmp_profile.create(bench.context)
    assert plugin.jobs(RESOURCE, {}) == [Job(plugin="everything", profile="linux", interval_s=60)]


async def test_what_a_loopback_says_of_its_speed_is_no_bound_and_is_remembered_as_that():
    bench = Bench()
    bench.text += "1.3.6.1.2.1.2.2.1.3.1|2|24\n1.3.6.1.2.1.2.2.1.3.2|2|6\n"
    enrichments = await snmp_interfaces.create(bench.context).enrich(RESOURCE)
    plugin = snmp_profile.create(bench.context)
    for _ in range(2):
        poll = await plugin.poll(enriched(enrichments), JOB, 0)
        assert poll.samples[0].line_rates == [0, 10_000_000_000]
        assert "1.3.6.1.2.1.2.2.1.3" not in bench.asked[-1]
        bench.pass_time(60)
