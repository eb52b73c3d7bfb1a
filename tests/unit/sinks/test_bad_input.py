"""What may be wrong with a store or with a record: one line says it, nothing else stops, and nothing is lost."""

import errno
import logging
from pathlib import Path

import pytest

from pollers.plugins.base import OptionError, PluginContext
from pollers.plugins.batch import TryAgain
from schemas.records import Gauge
from streams.pipeline import Topic
from streams.runtime.kernel.offsets import Offsets
from streams.runtime.kernel.records import Place, Record
from streams.runtime.plugins import NoAccess
from streams.sinks.delivery import agent_delivery
from streams.sinks.delivery.agent_delivery import Counts, SinkHandler, Store
from streams.sinks.delivery.agent_places import Places
from streams.sinks.senders import agent_jsonl, agent_prometheus
from tests.unit.sinks.batches import batch, decoding
from tests.unit.sinks.delivery.test_delivery_to_stores import Letters, Registry
from tests.unit.sinks.gauges import encode, gauge
from tests.unit.sinks.scripted import HALF, Receiver, Reply, receiving
from tests.unit.sinks.senders.test_http import received

PLACE = Place("gauges", 3)
TRIES = 6
NOW_MS = 1_700_000_100_000


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_delivery, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(agent_delivery, "LONGEST_PAUSE_S", 0.002)


def context(**options: str) -> PluginContext:
    return PluginContext(
        section="store", interval_s=0, options=options, snmp=NoAccess(), now_ms=lambda: 1_700_000_100_000
    )


class Delivering:
    """A sink as a worker has it."""

    def __init__(self, receiver: Receiver) -> None:
        self.letters, self.counts = Letters(), Counts()
        self._sink = agent_prometheus.create(context(url=f"http://127.0.0.1:{receiver.port}"))
        places = Places({}, "group", [PLACE.topic], Offsets())
        self._handler = SinkHandler(Topic.GAUGES, Store("store", self._sink, self.counts), places, self.letters)
        self._handler.open(decoding(), Registry())  # type: ignore[arg-type]

    async def deliver(self, *gauges: Gauge) -> None:
        records = [Record(PLACE, at, b"k", encode(one)) for at, one in enumerate(gauges)]
        await self._handler.deliver(PLACE.partition, records)

    async def close(self) -> None:
        await self._sink.close()


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        pytest.param(Reply(404, b"page not found"), "nothing takes writes at this address", id="an-address-of-nothing"),
        pytest.param(Reply(302, b"", {"location": "/login"}), "this is no answer of a store", id="a-web-page"),
        pytest.param(Reply(405), "this address takes no writes", id="takes-no-writes"),
        pytest.param(Reply(400, b"cannot parse"), "takes nothing at all", id="no-receiver"),
        pytest.param(Reply(401, b"who"), "no user, or a wrong one", id="wrong-password"),
        pytest.param(Reply(403, b"no"), "the user may not write here", id="may-not"),
        pytest.param(Reply(500, b"write failed: no space left on device"), "no space left on device", id="full"),
        pytest.param(Reply(503, b"in read-only mode: free disk space"), "read-only mode", id="full-and-says-so"),
        pytest.param(Reply(429, b"ingestion rate limit"), "rate limit", id="too-much"),
        pytest.param(Reply(HALF), "RemoteProtocolError", id="half-an-answer"),
    ],
)
async def test_a_store_that_takes_nothing_is_told_in_one_line_and_gets_everything_afterwards(
    reply: Reply, says: str, caplog: pytest.LogCaptureFixture
):
    gauges = [gauge(row=str(at)) for at in range(20)]
    async with receiving(lambda _request: reply if one.counts.retries < TRIES else Reply(204)) as receiver:
        one = Delivering(receiver)
        with caplog.at_level(logging.WARNING):
            await one.deliver(*gauges)
        await one.close()
    lines = [record.getMessage() for record in caplog.records if "nothing is lost meanwhile" in record.getMessage()]
    assert len(lines) == 1
    assert lines[0].startswith("sink=store waits, nothing is lost meanwhile problem=http://127.0.0.1:")
    assert says in lines[0]
    assert "\n" not in lines[0]
    assert one.counts.stored == 2 * len(gauges)
    assert one.letters.put_aside == []
    rows = {dict(sample.labels)["row"] for sample in received(receiver.requests[-1]) if "octets" in sample.name}
    assert rows == {str(at) for at in range(20)}


@pytest.mark.parametrize(
    ("body", "became"),
    [
        pytest.param(b"out of bounds", "repeats", id="prometheus-too-old"),
        pytest.param(b"err-mimir-sample-timestamp-too-old: ...", "repeats", id="mimir-too-old"),
        pytest.param(b"label name is too long", "refused", id="no-label"),
    ],
)
async def test_a_bad_record_is_accounted_for_and_the_others_are_stored(body: bytes, became: str):
    def script(request: object) -> Reply:
        rows = {dict(sample.labels).get("row") for sample in received(request)}  # type: ignore[arg-type]
        return Reply(400, body) if "bad" in rows else Reply(204)

    async with receiving(script) as receiver:
        one = Delivering(receiver)
        await one.deliver(*(gauge(row=row) for row in ("a", "bad", "b")))
        await one.close()
    assert one.counts.stored == 4
    assert getattr(one.counts, became) > 0
    assert bool(one.letters.put_aside) is (became == "refused")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
async def test_what_is_no_number_stops_nothing(number: float):
    async with receiving(lambda _request: Reply(204)) as receiver:
        one = Delivering(receiver)
        await one.deliver(gauge(gauges={"octets_in": number, "errors_in": 2.0}), gauge(row="b"))
        await one.close()
    (request,) = receiver.requests
    values = {(sample.name, dict(sample.labels).get("row")): sample.value for sample in received(request)}
    assert values["panoptes_interface_errors_in_packets_per_second", "Gi0/1"] == 2.0
    assert values["panoptes_interface_octets_in_bytes_per_second", "b"] == 1.25e6
    assert one.letters.put_aside == []


async def test_a_record_of_a_time_that_no_store_has_is_told_and_the_others_are_stored():
    async with receiving(lambda _request: Reply(204)) as receiver:
        one = Delivering(receiver)
        await one.deliver(gauge(time_ms=-1), gauge(row="b"))
        await one.close()
    assert one.counts.stored == 2
    [(_, said, _)] = one.letters.put_aside
    assert "time_ms -1: expected 1970 to 2109" in said


async def test_a_disk_that_is_full_is_waited_for_and_no_half_of_a_line_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "lines"
    one = agent_jsonl.create(context(path=str(path)))
    await one.write(batch([gauge()], decoding()))
    whole = path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(agent_jsonl.os, "fsync", full)
        with pytest.raises(TryAgain, match="No space left on device"):
            await one.write(batch([gauge(row="b")], decoding()))
    assert path.read_bytes() == whole
    await one.write(batch([gauge(row="b")], decoding()))
    assert path.read_bytes().count(b"\n") == 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        pytest.param({}, "expected a URL like http://host:8428", id="no-url"),
        pytest.param({"url": "store:8428"}, "expected a URL like http://host:8428", id="no-scheme"),
        pytest.param({"url": "http://h", "labels": "a-b"}, "expected names in lower case", id="no-label"),
        pytest.param({"url": "http://h", "external_labels": "a=b, c"}, "separated by commas", id="no-value"),
        pytest.param({"url": "http://h", "max_series": "0"}, "expected a number from 1", id="no-series"),
        pytest.param({"url": "http://h", "key_file": "k"}, "expected a certificate with the key", id="a-key-alone"),
    ],
)
def test_what_can_be_found_before_the_start_is_found(options: dict[str, str], says: str):
    with pytest.raises(OptionError) as raised:
        agent_prometheus.create(context(**options))
    assert says in " ".join(raised.value.problems.values())
