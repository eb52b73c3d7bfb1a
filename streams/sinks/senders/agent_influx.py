"""The sink `influx`: line protocol to InfluxDB 1 (`/write`) and 2 or 3 (`/api/v2/write`), VictoriaMetrics, Telegraf."""

from typing import Final
from urllib.parse import urlencode, urlsplit

import cramjam

from pollers.plugins.base import PluginContext
from streams.sinks.encoding.cardinality import Cardinality
from streams.sinks.encoding.forms import Form
from streams.sinks.encoding.influx import InfluxLines, fields_of
from streams.sinks.naming.labels import Labels
from streams.sinks.naming.names import Names
from streams.sinks.senders.agent_http import HttpSink
from streams.sinks.senders.options import COMMON, OptionReader, SinkTarget, read_target

HEADERS: Final = {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Encoding": "gzip",
    "User-Agent": "panoptes-streams",
}
PATHS: Final = {"1": "/write", "2": "/api/v2/write"}


def create(context: PluginContext) -> HttpSink:
    """Create the sink from its section. Raises OptionError."""
    reader = OptionReader(context.options)
    version = reader.choice("version", PATHS)
    target = read_target(reader, PATHS.get(version, "/write"))
    query = {"precision": "ms"}
    if version == "1":
        query |= {"db": reader.text("database", "panoptes"), "rp": reader.text("retention_policy")}
    else:
        query |= {"org": reader.text("org"), "bucket": reader.text("bucket", "panoptes")}
    reader.finish((*COMMON, "version", "database", "retention_policy", "org", "bucket"))
    bound = Cardinality(Names(), target.max_series)
    form = Form(InfluxLines(Names(), Labels(*target.series)), HEADERS, wrap, fields_of, bound, accepted)
    return HttpSink(context.section, _asked(target, query, version), form, context.now_ms, context.secret)


def wrap(octets: bytes) -> bytes:
    """Compress lines for sending: gzip at its fastest."""
    return bytes(cramjam.gzip.compress(octets, level=1))


def accepted(_answer: bytes) -> tuple[int, str]:
    """Return that nothing is rejected by a successful response."""
    return 0, ""


def _asked(target: SinkTarget, query: dict[str, str], version: str) -> SinkTarget:
    """Return the target with what goes into the URL; tokens of InfluxDB 2 have a scheme of their own."""
    parts = urlsplit(target.url)
    asked = "&".join(filter(None, (parts.query, urlencode({key: value for key, value in query.items() if value}))))
    return target._replace(url=parts._replace(query=asked).geturl(), scheme="Token" if version == "2" else "Bearer")
