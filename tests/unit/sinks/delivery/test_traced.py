"""A sink tells of each sample of which it has stored rows, once a batch, as a child of the sample's gauges."""

from types import SimpleNamespace
from typing import Any

from streams.pipeline import Topic
from streams.runtime.kernel.records import Place, Record
from streams.runtime.settings.sections import TracingSettings
from streams.runtime.tracing.export import Traces
from streams.runtime.tracing.spans import SlotName, TraceSpan
from streams.sinks.delivery.agent_delivery import SinkHandler

PLACE = Place("panoptes.gauges", 0)


def test_rows_of_a_sample_are_one_span_and_what_was_set_aside_is_none(monkeypatch):
    fakes: Any = SimpleNamespace(name="store")
    traces = Traces(TracingSettings(url="http://127.0.0.1:1", share=1), "sinks", "w")
    spans: list[TraceSpan] = []
    monkeypatch.setattr(traces, "add", spans.append)
    handler = SinkHandler(Topic.GAUGES, fakes, fakes, fakes, traces)

    def gauge(value: bytes) -> Any:
        return SimpleNamespace(resource="r", job="j", slot=int(value), group="g")

    decoding: Any = SimpleNamespace(gauge=gauge)
    handler.open(decoding, fakes)
    came = [Record(PLACE, 7 + at, b"r", value, 1_000 + at) for at, value in enumerate((b"60", b"60", b"120", b"180"))]
    handler._trace(traces, came, {3})
    assert [(span.of, span.start_ms, span.attributes["panoptes.rows"]) for span in spans] == [
        (SlotName("r", "j", 60), 1_000, 2), (SlotName("r", "j", 120), 1_002, 1),
    ]  # fmt: skip
    assert {(span.name, span.parent) for span in spans} == {("sink", ("gauges", "g"))}
