"""A sink over HTTP against a receiver that fails in every way: what is stored in the end is what was to be stored."""

import asyncio
import base64
import itertools
import json
import random
from collections.abc import Callable

import cramjam
import pytest

from pollers.plugins.base import OptionError, PluginContext
from pollers.plugins.batch import TryAgain, Written
from schemas.records import Gauge
from streams.runtime.plugins import NoAccess
from streams.sinks.senders.agent_http import HttpSink
from streams.sinks.senders.agent_prometheus import create
from tests.unit.sinks.batches import batch, decoding
from tests.unit.sinks.gauges import gauge
from tests.unit.sinks.prometheus import Sample, samples
from tests.unit.sinks.scripted import HALF, SILENT, Receiver, Reply, Request, receiving

NOW_MS = 1_700_000_100_000
OK = Reply(204)


def sink(receiver: Receiver | None = None, in_redis: Callable[[str], str] = str, **options: str) -> HttpSink:
    async def look_up(name: str) -> str:
        return in_redis(name)

    url = f"http://127.0.0.1:{receiver.port}" if receiver else "http://127.0.0.1:1"
    context = PluginContext(
        section="store",
        interval_s=0,
        options={"url": url, "timeout_s": "5", **options},
        snmp=NoAccess(),
        now_ms=lambda: NOW_MS,
        secret=look_up,
    )
    return create(context)


def received(request: Request) -> list[Sample]:
    return samples(bytes(cramjam.snappy.decompress_raw(request.body)))


def polls(devices: int, rows: int, slots: int) -> list[Gauge]:
    return [
        gauge(
            resource=f"fra1|network|switch|cisco|sw{device}",
            row=f"Gi0/{row}",
            slot=1_700_000_040 + 60 * slot,
            time_ms=1_700_000_040_000 + 60_000 * slot + device,
            gauges={"octets_in": device * 1e3 + row + slot / 7, "errors_in": float(row)},
        )
        for slot in range(slots)
        for device in range(devices)
        for row in range(rows)
    ]


async def until_written(one: HttpSink, of: object) -> tuple[Written, int]:
    """Return what became of the batch, and how often it had to be given."""
    for attempt in range(1, 200):
        try:
            return await one.write(of), attempt
        except TryAgain:
            await asyncio.sleep(0)
    raise AssertionError("never written")


def numbers(found: list[Sample]) -> dict[tuple[object, ...], float]:
    """Return value by series and time, of what gauges have as numbers."""
    return {(one.labels, one.at_ms): one.value for one in found if one.name.endswith("per_second")}


def expected(records: list[Gauge]) -> dict[tuple[object, ...], float]:
    names = {"octets_in": "octets_in_bytes", "errors_in": "errors_in_packets"}
    return {
        (
            (
                ("__name__", f"panoptes_interface_{names[name]}_per_second"),
                ("device", one.resource.rpartition("|")[2]),
                ("row", one.row),
                ("site", one.site),
            ),
            one.time_ms,
        ): value
        for one in records
        for name, value in one.gauges.items()
    }


@pytest.mark.parametrize("seed", range(4))
async def test_counts_and_values_are_equal_in_the_end_whatever_the_receiver_does(seed):
    chance = random.Random(seed)
    stored: list[Sample] = []

    def script(request: Request) -> Reply:
        if len(request.body) > 3_000:
            return Reply(413)
        kind = chance.choice(["ok", "ok", "ok", "500", "429", "503", "silent", "lost", "half", "broken"])
        if kind in ("ok", "lost", "half"):
            stored.extend(received(request))
        answers = {
            "ok": OK,
            "500": Reply(500, b"oops"),
            "503": Reply(503),
            "429": Reply(429, b"", {"Retry-After": "0"}),
        }
        return answers.get(kind, Reply(HALF if kind == "half" else SILENT))

    records = polls(devices=5, rows=20, slots=3)
    async with receiving(script, broken=lambda: chance.random() < 0.1) as receiver:
        one, how = sink(receiver, timeout_s="0.2"), decoding()
        written = [
            (await until_written(one, batch(records[at : at + 60], how)))[0] for at in range(0, len(records), 60)
        ]
        await one.close()
    assert sum(each.stored for each in written) == 2 * len(records)
    assert numbers(stored) == expected(records)


async def test_repeats_in_a_store_that_takes_all_or_nothing_are_counted_and_lose_nothing():
    latest: dict[tuple[tuple[str, str], ...], int] = {}
    stored: list[Sample] = []

    def script(request: Request) -> Reply:
        found = received(request)
        if any(one.at_ms < latest.get(one.labels, 0) for one in found):
            return Reply(400, b"out of order sample")
        latest.update({one.labels: one.at_ms for one in found})
        stored.extend(found)
        return OK

    records = polls(devices=3, rows=8, slots=4)
    async with receiving(script) as receiver:
        first, how = sink(receiver), decoding()
        await first.write(batch(records[:60], how))
        # another worker goes on from an older place, and knows nothing
        second = sink(receiver)
        written = await second.write(batch(records, decoding()))
        await first.close()
        await second.close()
    assert numbers(stored) == expected(records)
    assert written.stored + written.repeats == 2 * len(records)
    assert written.repeats >= 2 * (60 - 24)
    assert written.refused == ()


async def test_batches_of_several_partitions_may_be_under_way_at_once():
    stored: list[Sample] = []
    calls = itertools.count()

    def script(request: Request) -> Reply:
        if next(calls) % 3 == 0:
            return Reply(503)
        stored.extend(received(request))
        return OK

    partitions = [
        [one for one in polls(devices=6, rows=4, slots=2) if one.resource.endswith(f"sw{at}")] for at in range(6)
    ]
    async with receiving(script) as receiver:
        one, how = sink(receiver), decoding()
        written = await asyncio.gather(*(until_written(one, batch(records, how)) for records in partitions))
        await one.close()
    assert sum(each.stored for each, _ in written) == 2 * sum(map(len, partitions))
    assert numbers(stored) == expected([one for records in partitions for one in records])


async def test_a_bad_series_is_refused_by_name_and_everything_else_is_stored():
    stored: list[Sample] = []

    def script(request: Request) -> Reply:
        found = received(request)
        if any(dict(one.labels)["device"] == "sw1" and "errors" in one.name for one in found):
            return Reply(422, b"label value too strange")
        stored.extend(found)
        return OK

    records = polls(devices=3, rows=1, slots=1)
    async with receiving(script) as receiver:
        one = sink(receiver)
        written = await one.write(batch(records, decoding()))
        again = await one.write(batch(records, decoding()))
        await one.close()
    (refused,) = written.refused
    assert refused.series.startswith('panoptes_interface_errors_in_packets_per_second{device="sw1"')
    assert refused.reason == "422 label value too strange"
    assert (written.stored, again.stored, again.passed_over, again.refused) == (5, 5, 1, ())


@pytest.mark.parametrize(
    ("reply", "said", "after_s"),
    [
        pytest.param(Reply(429, b"", {"Retry-After": "7"}), "429", 7.0, id="slow-down"),
        pytest.param(Reply(503, b"no disk"), "503 no disk", None, id="away"),
        pytest.param(Reply(401), "401 (no user, or a wrong one)", None, id="no-user"),
        pytest.param(Reply(404), "404 (nothing takes writes at this address)", None, id="no-receiver"),
        pytest.param(Reply(302, b"", {"Location": "/login"}), "302 (this is no answer of a store)", None, id="a-login"),
    ],
)
async def test_a_store_that_has_to_be_waited_for_is_told_in_one_line(reply, said, after_s):
    async with receiving(lambda _request: reply) as receiver:
        one = sink(receiver)
        with pytest.raises(TryAgain) as caught:
            await one.write(batch([gauge()], decoding()))
        await one.close()
    assert str(caught.value) == f"http://127.0.0.1:{receiver.port}/api/v1/write: {said}"
    assert caught.value.after_s == after_s


async def test_a_place_that_has_taken_nothing_yet_is_waited_for_and_its_refusals_are_none():
    answers = [Reply(400, b"unsupported path")]
    async with receiving(lambda _request: answers[0]) as receiver:
        one, records = sink(receiver), polls(devices=2, rows=10, slots=1)
        of = batch(records, decoding())
        with pytest.raises(TryAgain, match="takes nothing at all: 400 unsupported path"):
            await one.write(of)
        answers[0] = OK
        written = await one.write(of)
        await one.close()
    assert written == Written(2 * len(records))


async def test_a_certificate_that_is_not_there_is_told_and_waited_for():
    one = sink(ca_file="/nowhere/ca.pem")
    with pytest.raises(TryAgain, match=r"FileNotFoundError: ca_file /nowhere/ca\.pem is not there"):
        await one.write(batch([gauge()], decoding()))
    await one.close()


async def test_nobody_there_is_told_with_the_reason():
    one = sink()
    with pytest.raises(TryAgain, match=r"127\.0\.0\.1:1/api/v1/write: ConnectError: "):
        await one.write(batch([gauge()], decoding()))
    await one.close()


@pytest.mark.parametrize(
    ("options", "expected_header"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"username": "u", "password": "p"}, "Basic " + base64.b64encode(b"u:p").decode(), id="basic"),
        pytest.param({"bearer_token": "t0k"}, "Bearer t0k", id="bearer"),
        pytest.param({"secret": "store"}, "Bearer of-store", id="from-redis"),
        pytest.param(
            {"secret": "x", "username": "u"}, "Basic " + base64.b64encode(b"u:of-x").decode(), id="redis-basic"
        ),
    ],
)
async def test_it_says_who_it_is(options, expected_header):
    async with receiving(lambda _request: OK) as receiver:
        one = sink(receiver, in_redis=lambda name: f"of-{name}", headers="X-Scope-OrgID=tenant-7", **options)
        await one.write(batch([gauge()], decoding()))
        await one.close()
    (request,) = receiver.requests[:1]
    assert request.headers.get("authorization") == expected_header
    assert request.headers["x-scope-orgid"] == "tenant-7"
    assert request.headers["content-encoding"] == "snappy"
    assert request.headers["x-prometheus-remote-write-version"] == "0.1.0"


async def test_a_token_in_a_file_is_read_again_when_it_changes(tmp_path):
    file = tmp_path / "token"
    async with receiving(lambda _request: OK) as receiver:
        file.write_text("first\n")
        one = sink(receiver, bearer_token_file=str(file))
        await one.write(batch([gauge()], decoding()))
        file.write_text("second\n")
        await one.write(batch([gauge(time_ms=gauge().time_ms + 1)], decoding()))
        await one.close()
    seen = [request.headers["authorization"] for request in receiver.requests]
    assert (seen[0], seen[-1]) == ("Bearer first", "Bearer second")


async def test_no_secret_is_in_what_is_told(tmp_path):
    async with receiving(lambda _request: Reply(401, b"who?")) as receiver:
        one = sink(receiver, username="u", **{"password": "hunter2"})  # noqa: PIE804
        with pytest.raises(TryAgain) as caught:
            await one.write(batch([gauge()], decoding()))
        await one.close()
    assert "hunter2" not in f"{caught.value!r} {one!r} {one._target!r}"


@pytest.mark.parametrize(
    ("options", "option"),
    [
        pytest.param({"url": "store:8428"}, "url", id="no-url"),
        pytest.param({"url": "http://u:p@store"}, "url", id="password-in-the-url"),
        pytest.param({"timeout_s": "soon"}, "timeout_s", id="no-number"),
        pytest.param({"password": "x"}, "username", id="no-user"),
        pytest.param({"bearer_token": "x", "secret": "y"}, "secret", id="two-secrets"),
        pytest.param({"headers": "X Y=1"}, "headers", id="no-header"),
        pytest.param({"labels": "device"}, "labels", id="a-label-that-is-there"),
        pytest.param({"labels": "Rack"}, "labels", id="upper-case"),
        pytest.param({"external_labels": "a-b=1"}, "external_labels", id="no-label"),
        pytest.param({"naming": "mine"}, "naming", id="no-naming"),
        pytest.param({"colour": "red"}, "colour", id="unknown"),
    ],
)
def test_options_that_cannot_be_used_are_named(options, option):
    with pytest.raises(OptionError) as caught:
        sink(**options)
    assert list(caught.value.problems) == [option]
    assert "http://u:p@" not in json.dumps(caught.value.problems)
