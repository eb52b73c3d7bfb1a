"""Spans: the same ids in every stage, whole requests to a collector, and nothing that waits for one."""

import asyncio
import hashlib

import pytest

from pollers.snmp.credentials import Secret
from streams.runtime.settings.sections import TracingSettings
from streams.runtime.tracing.export import MOST_WAITING, Traces
from streams.runtime.tracing.spans import SlotName, TraceSpan, is_chosen, span_id, trace_id
from tests.otlp_receiver import otlp_receiver

OF = SlotName("fra1|network|switch|acme|sw1", "interfaces/if-mib/60", 1_700_000_040)


def span(name: str = "poll", **changed: object) -> TraceSpan:
    return TraceSpan(OF, name, "", ("tick", ""), 1_700_000_040_500, 1_700_000_040_900, {"panoptes.values": 7})._replace(
        **changed
    )


def test_an_id_is_a_hash_of_resource_job_and_slot_and_of_nothing_else():
    said = f"{OF.resource}\0{OF.job}\0{OF.slot}".encode()
    assert trace_id(OF) == hashlib.sha256(said).digest()[:16]
    others = [OF._replace(slot=OF.slot + 60), OF._replace(job="x"), OF._replace(resource="x")]
    assert len({trace_id(each) for each in (OF, *others)}) == 4
    ids = {span_id(trace_id(OF), *each) for each in (("tick", ""), ("poll", ""), ("gauges", "a"), ("gauges", "b"))}
    assert (len(ids), {len(each) for each in ids}) == (4, {8})


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.25, 200, 300), (1.0, 1_000, 1_000)])
def test_a_share_of_the_resources_is_chosen_and_a_larger_share_has_all_of_a_smaller(share, least, most):
    chosen = {number for number in range(1_000) if is_chosen(str(number).encode(), share)}
    assert least <= len(chosen) <= most
    assert chosen <= {number for number in range(1_000) if is_chosen(str(number).encode(), min(1.0, share * 2))}


async def handed_on(traces: Traces, *spans: TraceSpan) -> None:
    for each in spans:
        traces.add(each)
    await traces.close()


async def test_a_collector_can_read_what_it_is_sent():
    with otlp_receiver() as receiver:
        settings = TracingSettings(url=receiver.url, share=1, token=Secret("t0ken"))
        traces = Traces(settings, "polling", "host:1")
        await handed_on(traces, span(), span("tick", parent=("", ""), fault="no answer"))
    (poll, tick) = receiver.spans
    assert (poll.service, receiver.tokens) == ("panoptes-polling", ["Bearer t0ken"])
    assert (poll.span.trace_id, poll.span.parent_span_id) == (trace_id(OF), tick.span.span_id)
    assert tick.span.parent_span_id == b""
    assert (poll.span.start_time_unix_nano, poll.span.end_time_unix_nano) == (
        1_700_000_040_500_000_000, 1_700_000_040_900_000_000,
    )  # fmt: skip
    assert poll.attributes == {
        "panoptes.resource": OF.resource, "panoptes.job": OF.job, "panoptes.slot": OF.slot, "panoptes.values": 7,
    }  # fmt: skip
    assert (tick.span.status.code, tick.span.status.message) == (2, "no answer")
    assert (traces.exported, traces.dropped) == (2, 0)


async def test_what_a_collector_does_not_take_is_dropped_counted_and_said_once(caplog):
    with otlp_receiver() as receiver:
        receiver.status = 503
        traces = Traces(TracingSettings(url=receiver.url, share=1), "polling", "host:1")
        for _ in range(3):
            traces.add(span())
            await traces._send()
        await traces.close()
    away = Traces(TracingSettings(url=receiver.url, share=1), "polling", "host:1")
    await handed_on(away, span())
    assert (traces.exported, traces.dropped, away.dropped) == (0, 3, 1)
    assert len([one for one in caplog.records if "spans are dropped" in one.message]) == 2


def test_spans_that_wait_are_bounded():
    traces = Traces(TracingSettings(url="http://127.0.0.1:1", share=1), "polling", "host:1")
    for _ in range(MOST_WAITING + 5):
        traces.add(span())
    assert traces.dropped == 5


async def test_it_is_off_by_default():
    traces = Traces(TracingSettings(), "polling", "host:1")
    assert (traces.on, traces.follows(b"any")) == (False, False)
    await asyncio.wait_for(traces.close(), 1)
