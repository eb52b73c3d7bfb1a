"""The sink `otlp`: metrics by OTLP over HTTP, in protobuf, to an OpenTelemetry collector or a store that takes it."""

from typing import Final

from pollers.plugins.base import PluginContext
from streams.sinks.agent_http import HttpSink
from streams.sinks.agent_influx import wrap
from streams.sinks.forms import Form
from streams.sinks.labels import Labels
from streams.sinks.names import Names
from streams.sinks.options import COMMON, OptionReader, read_target
from streams.sinks.otlp import Otlp, rejected, series_of

PATH: Final = "/v1/metrics"
HEADERS: Final = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "gzip",
    "User-Agent": "panoptes-streams",
}


def create(context: PluginContext) -> HttpSink:
    """Make the sink from its section. Raises OptionError."""
    reader = OptionReader(context.options)
    target = read_target(reader, PATH)
    reader.finish(COMMON)
    form = Form(Otlp(Names(), Labels(target.labels, target.external_labels)), HEADERS, wrap, series_of, rejected)
    return HttpSink(context.section, target, form, context.now_ms, context.secret)
