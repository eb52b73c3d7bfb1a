"""The sink `otlp`: metrics by OTLP over HTTP, in protobuf, to an OpenTelemetry collector or a store that takes it."""

from typing import Final

from pollers.plugins.base import PluginContext
from streams.sinks.encoding.cardinality import Cardinality
from streams.sinks.encoding.forms import Form
from streams.sinks.encoding.otlp import Otlp, rejected, series_of
from streams.sinks.naming.labels import Labels
from streams.sinks.naming.names import Names
from streams.sinks.senders.agent_http import HttpSink
from streams.sinks.senders.agent_influx import wrap
from streams.sinks.senders.options import COMMON, OptionReader, read_target

PATH: Final = "/v1/metrics"
HEADERS: Final = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "gzip",
    "User-Agent": "panoptes-streams",
}


def create(context: PluginContext) -> HttpSink:
    """Create the sink from its section. Raises OptionError."""
    reader = OptionReader(context.options)
    target = read_target(reader, PATH)
    reader.finish(COMMON)
    bound = Cardinality(Names(), target.max_series)
    form = Form(Otlp(Names(), Labels(*target.series)), HEADERS, wrap, series_of, bound, rejected)
    return HttpSink(context.section, target, form, context.now_ms, context.secret)
