"""The sink `prometheus-remote-write`: for Prometheus, VictoriaMetrics, Mimir, Thanos and compatible stores."""

from typing import Final

import cramjam

from pollers.plugins.base import PluginContext
from streams.sinks.encoding.cardinality import Cardinality
from streams.sinks.encoding.forms import Form
from streams.sinks.encoding.remote_write import RemoteWrite, series_of
from streams.sinks.senders.agent_http import HttpSink
from streams.sinks.senders.naming import NAMING, naming_of
from streams.sinks.senders.options import COMMON, OptionReader, read_target

PATH: Final = "/api/v1/write"
HEADERS: Final = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
    "User-Agent": "panoptes-streams",
}


def create(context: PluginContext) -> HttpSink:
    """Create the sink from its section. Raises OptionError."""
    reader = OptionReader(context.options)
    target = read_target(reader, PATH)
    names, labels = naming_of(reader, target.series)
    reader.finish((*COMMON, *NAMING))
    bound = Cardinality(names, target.max_series)
    form = Form(RemoteWrite(names, labels), HEADERS, wrap, series_of, bound, lambda _answer: (0, ""))
    return HttpSink(context.section, target, form, context.now_ms, context.secret)


def wrap(octets: bytes) -> bytes:
    """Compress a request for sending: snappy's block format."""
    return bytes(cramjam.snappy.compress_raw(octets))
