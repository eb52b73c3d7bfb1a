"""InfluxDB's second API and OTLP, against a receiver that decodes what it gets; lines of JSON, against a reader."""

import gzip
import json

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from pollers.plugins.base import OptionError, PluginContext
from pollers.plugins.batch import TryAgain
from streams.runtime.plugins import NoAccess
from streams.sinks.senders import agent_influx, agent_jsonl, agent_otlp
from tests.unit.sinks.batches import batch, decoding
from tests.unit.sinks.gauges import gauge
from tests.unit.sinks.scripted import Reply, receiving


def context(**options: str) -> PluginContext:
    return PluginContext(section="store", interval_s=0, options=options, snmp=NoAccess(), now_ms=lambda: 10**12)


async def test_influxdb_2_gets_lines_at_its_own_address_with_its_own_token():
    async with receiving(lambda _request: Reply(204)) as receiver:
        url = f"http://127.0.0.1:{receiver.port}"
        sink = agent_influx.create(context(url=url, version="2", org="noc", bucket="net", bearer_token="t0k"))  # noqa: S106 - a test's
        written = await sink.write(batch([gauge()], decoding()))
        await sink.close()
    (request,) = receiver.requests
    assert request.target == "/api/v2/write?precision=ms&org=noc&bucket=net"
    assert (request.headers["authorization"], request.headers["content-encoding"]) == ("Token t0k", "gzip")
    line = gzip.decompress(request.body).decode()
    assert line.startswith(
        "panoptes_interface,device=sw1.fra1,row=Gi0/1,site=fra1 octets_in_bytes_per_second=1250000.0,"
    )
    assert written.stored == 2


async def test_a_collector_gets_points_and_what_it_refuses_is_told(caplog):
    partial = ExportMetricsPartialSuccess(rejected_data_points=1, error_message="no room")
    answer = ExportMetricsServiceResponse(partial_success=partial).SerializeToString()
    async with receiving(lambda _request: Reply(200, answer)) as receiver:
        sink = agent_otlp.create(context(url=f"http://127.0.0.1:{receiver.port}"))
        await sink.write(batch([gauge()], decoding()))
        await sink.close()
    (request,) = receiver.requests
    assert (request.target, request.headers["content-type"]) == ("/v1/metrics", "application/x-protobuf")
    found = ExportMetricsServiceRequest.FromString(gzip.decompress(request.body))
    values = {
        metric.name: metric.gauge.data_points[0].as_double
        for part in found.resource_metrics
        for metric in part.scope_metrics[0].metrics
    }
    assert values["panoptes_interface_octets_in_bytes_per_second"] == 1.25e6
    assert "sink=store refused numbers=1 (all: 1) reason=no room" in caplog.text


async def test_lines_of_json_have_the_fields_of_the_record(tmp_path):
    path = tmp_path / "gauges.jsonl"
    sink = agent_jsonl.create(context(path=str(path)))
    records = [gauge(), gauge(row="Gi0/2", gauges={"octets_in": float("inf")})]
    assert (await sink.write(batch(records, decoding()))).stored == 2
    first, second = [json.loads(line) for line in path.read_text().splitlines()]
    assert (first["row"], first["gauges"], first["duration_s"]) == ("Gi0/1", dict(gauge().gauges), 60.02)
    assert second["gauges"] == {"octets_in": None}


async def test_files_are_rotated_by_size_and_the_oldest_go(tmp_path):
    path = tmp_path / "gauges.jsonl"
    sink = agent_jsonl.create(context(path=str(path), max_bytes="1024", keep="2"))
    for slot in range(12):
        await sink.write(batch([gauge(slot=slot)], decoding()))
    names = sorted(one.name for one in tmp_path.iterdir())
    assert names == ["gauges.jsonl", "gauges.jsonl.1", "gauges.jsonl.2"]
    slots = [
        json.loads(line)["slot"] for name in reversed(names) for line in (tmp_path / name).read_text().splitlines()
    ]
    assert slots == list(range(slots[0], 12))


async def test_standard_output_is_where_lines_go_without_a_path(capfdbinary):
    await agent_jsonl.create(context()).write(batch([gauge()], decoding()))
    assert json.loads(capfdbinary.readouterr().out)["row"] == "Gi0/1"


async def test_a_place_that_cannot_be_written_is_waited_for(tmp_path):
    sink = agent_jsonl.create(context(path=str(tmp_path / "nowhere" / "x.jsonl")))
    with pytest.raises(TryAgain, match="No such file"):
        await sink.write(batch([gauge()], decoding()))


@pytest.mark.parametrize(
    ("create", "options", "option"),
    [
        pytest.param(agent_influx.create, {"url": "http://a", "version": "4"}, "version", id="influx"),
        pytest.param(agent_otlp.create, {"url": "grpc://a"}, "url", id="otlp"),
        pytest.param(agent_jsonl.create, {"keep": "none"}, "keep", id="jsonl"),
    ],
)
def test_options_that_cannot_be_used_are_named(create, options, option):
    with pytest.raises(OptionError) as caught:
        create(context(**options))
    assert list(caught.value.problems) == [option]
