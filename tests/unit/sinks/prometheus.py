"""Remote write by Google's protobuf library, from the published definitions: what our own encoder is held to."""

import struct
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD: Final = descriptor_pb2.FieldDescriptorProto


def _message(file: Any, name: str, *fields: tuple[str, int, int, str, bool]) -> None:
    made = file.message_type.add(name=name)
    for label, number, kind, type_name, repeated in fields:
        many = _FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL
        field = made.field.add(name=label, number=number, type=kind, label=many)
        if type_name:
            field.type_name = type_name


def _request() -> Any:
    """Return the class of prometheus.WriteRequest (remote.proto, types.proto)."""
    file = descriptor_pb2.FileDescriptorProto(name="remote.proto", package="prometheus", syntax="proto3")
    _message(file, "Label", ("name", 1, _FIELD.TYPE_STRING, "", False), ("value", 2, _FIELD.TYPE_STRING, "", False))
    _message(
        file, "Sample", ("value", 1, _FIELD.TYPE_DOUBLE, "", False), ("timestamp", 2, _FIELD.TYPE_INT64, "", False)
    )
    _message(
        file,
        "TimeSeries",
        ("labels", 1, _FIELD.TYPE_MESSAGE, ".prometheus.Label", True),
        ("samples", 2, _FIELD.TYPE_MESSAGE, ".prometheus.Sample", True),
    )
    _message(file, "WriteRequest", ("timeseries", 1, _FIELD.TYPE_MESSAGE, ".prometheus.TimeSeries", True))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("prometheus.WriteRequest"))


WriteRequest: Final = _request()


class Sample(NamedTuple):
    labels: tuple[tuple[str, str], ...]  #: in their order
    at_ms: int
    bits: int  #: of the double

    @property
    def name(self) -> str:
        return dict(self.labels)["__name__"]

    @property
    def value(self) -> float:
        return float(struct.unpack("<d", struct.pack("<Q", self.bits))[0])


def samples(octets: bytes) -> list[Sample]:
    """Return the samples of a request, in its order."""
    request = WriteRequest()
    request.ParseFromString(octets)
    return [
        Sample(tuple((label.name, label.value) for label in series.labels), sample.timestamp, bits_of(sample.value))
        for series in request.timeseries
        for sample in series.samples
    ]


def request(wanted: Sequence[Sample]) -> bytes:
    """Return a request of these samples, each in a series of its own, as the library writes it."""
    made = WriteRequest()
    for one in wanted:
        series = made.timeseries.add()
        for name, value in one.labels:
            series.labels.add(name=name, value=value)
        series.samples.add(value=one.value, timestamp=one.at_ms)
    octets: bytes = made.SerializeToString()
    return octets


def bits_of(value: float) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])
