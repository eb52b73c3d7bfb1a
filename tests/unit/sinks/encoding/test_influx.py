"""Lines of InfluxDB's protocol say what the gauges say."""

import re

import pytest
from hypothesis import given, settings

from schemas.records import Gauge
from streams.sinks.encoding.influx import InfluxLines, fields_of
from streams.sinks.naming.labels import Labels
from streams.sinks.naming.names import Names
from streams.sinks.reading.gauges import GaugeReader
from tests.examples import examples
from tests.strategies import records_of
from tests.unit.sinks.gauges import HEADER, decode, encode, gauge

#: a line, read by the protocol's own rules and not by our code
LINE = re.compile(
    r"(?P<measurement>(?:[^, \\]|\\.)+)(?P<tags>(?:,(?:[^,= \\]|\\.)+=(?:[^,= \\]|\\.)+)*)"
    r' (?P<fields>(?:[^=\\]|\\.)+=(?:"(?:[^"\\]|\\.)*"|[^," ]+)(?:,(?:[^=\\]|\\.)+=(?:"(?:[^"\\]|\\.)*"|[^," ]+))*)'
    r" (?P<time>-?\d+)",
    re.DOTALL,
)


def lines(*records: Gauge) -> list[bytes]:
    blocks, _ = GaugeReader(HEADER, decode, lambda _row: True).read([encode(one) for one in records])
    pieces = InfluxLines(Names(), Labels()).encode(blocks)
    return [one.between(at, at + 1) for one in pieces for at in range(len(one.ends))]


def test_a_row_is_a_line_with_site_device_and_row_as_tags():
    assert lines(gauge()) == [
        (
            b"panoptes_interface,device=sw1.fra1,row=Gi0/1,site=fra1 "
            b'octets_in_bytes_per_second=1250000.0,errors_in_packets_per_second=0.0,oper_state="up" 1700000040120\n'
        )
    ]


@pytest.mark.parametrize(
    ("row", "tag"),
    [
        pytest.param("Ethernet 1", rb"row=Ethernet\ 1", id="space"),
        pytest.param("a,b=c", rb"row=a\,b\=c", id="comma-and-equals"),
        pytest.param("two\nlines", rb"row=two\ lines", id="line-feed"),
        pytest.param("ends\\", rb"row=ends", id="backslash-at-the-end"),
    ],
)
def test_what_has_a_meaning_in_a_line_is_escaped(row, tag):
    (line,) = lines(gauge(row=row))
    assert b"," + tag + b",site" in line


def test_texts_of_states_are_quoted():
    (line,) = lines(gauge(gauges={}, states={"oper_state": 'say "up" \\'}))
    assert rb'oper_state="say \"up\" \\"' in line


@pytest.mark.parametrize("number", [float("inf"), float("-inf")])
def test_what_the_protocol_has_no_number_for_is_left_out(number):
    (line,) = lines(gauge(gauges={"octets_in": number, "errors_in": 1.0}, states={}))
    assert line.split()[1] == b"errors_in_packets_per_second=1.0"


def test_a_row_that_has_nothing_any_more_has_no_line():
    assert lines(gauge(gauges={}, states={}, missing={"octets_in": "row-gone"})) == [b""]


@settings(max_examples=examples(30), deadline=None)
@given(records_of("gauge"))
def test_every_number_comes_back_from_its_line_and_from_lines_of_single_fields(record):
    group = {"group": "g", "units": {}, "time_ms": record.time_ms % 2**42}
    fields = {name: getattr(record, name) for name in Gauge.__dataclass_fields__}
    fields["gauges"] = {f"m{at}": value for at, value in enumerate(record.gauges.values())}
    fields["states"] = {f"s{at}": value for at, value in enumerate(record.states.values())}
    (line,) = lines(gauge(**{**fields, **group}))
    told = {f"m{at}": value for at, value in enumerate(record.gauges.values()) if value - value == 0}
    if not line:
        assert not told
        return
    found = LINE.fullmatch(line.decode().removesuffix("\n"))
    assert found is not None
    numbers = dict(pair.split("=") for pair in found["fields"].split(",") if re.fullmatch(r"m\d+=[^\"]+", pair))
    assert {name: float(value) for name, value in numbers.items()} == told
    alone = [one.decode() for _, one in fields_of(line)]
    assert all(LINE.fullmatch(one.removesuffix("\n")) for one in alone)
    assert {name: float(value) for one in alone for name, value in re.findall(r" (m\d+)=(\S+) \d+\n", one)} == told
