"""Records as lines of JSON, with the fields of their schemas."""

import json
from collections.abc import Iterator, Mapping

from pollers.plugins.batch import Batch
from schemas.codec import to_avro
from streams.sinks.reading.selecting import wanted_samples, wanted_statuses


def lines(batch: Batch) -> Iterator[bytes]:
    """Yield a line for each wanted record; numbers that JSON lacks become null."""
    for records in (batch.gauges, wanted_statuses(batch), wanted_samples(batch)):
        for record in records:
            yield line(to_avro(record))


def line(datum: Mapping[str, object]) -> bytes:
    """Format one record as a line."""
    try:
        text = json.dumps(datum, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        text = json.dumps(_without_nan(datum), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace") + b"\n"


def _without_nan(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and value - value != 0 else value
