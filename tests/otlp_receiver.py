"""A receiver of OTLP traces for the time of a test: it takes what opentelemetry-proto has, and no more."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.http_server import http_server


class Received(NamedTuple):
    service: str
    span: Any  #: opentelemetry.proto.trace.v1.Span
    attributes: dict[str, str | int]


class Receiver:
    """What has come, and how requests are answered."""

    def __init__(self) -> None:
        self.url = ""
        self.spans: list[Received] = []
        self.tokens: list[str] = []
        self.status = 200

    def take(self, body: bytes) -> None:
        """Take a request. Raises json_format.ParseError for what is none."""
        said = json.loads(body)
        for resource in said["resourceSpans"]:
            for span in (span for scope in resource["scopeSpans"] for span in scope["spans"]):
                for name in ("traceId", "spanId", "parentSpanId"):  # OTLP has these in hex, protobuf's JSON in base64
                    span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
        request = json_format.ParseDict(said, ExportTraceServiceRequest())
        for each in request.resource_spans:
            service = _attributes(each.resource.attributes)["service.name"]
            for scope in each.scope_spans:
                self.spans += [Received(str(service), span, _attributes(span.attributes)) for span in scope.spans]


@contextmanager
def otlp_receiver() -> Iterator[Receiver]:
    """Give a receiver that listens."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.status if self.path == "/v1/traces" else 404
            if status == 200:
                receiver.tokens.append(self.headers.get("Authorization", ""))
                receiver.take(body)
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http_server(Handler) as receiver.url:
        yield receiver


def _attributes(pairs: Any) -> dict[str, str | int]:
    return {pair.key: pair.value.string_value or pair.value.int_value for pair in pairs}
