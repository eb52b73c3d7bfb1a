"""Batches for the tests of sinks."""

from collections.abc import Callable, Sequence
from functools import partial

from pollers.plugins.batch import Row
from schemas.records import Gauge, PollStatus, RawCounters
from streams.pipeline import Topic
from streams.sinks.reading.counters import Counters
from streams.sinks.reading.gauges import GaugeReader
from streams.sinks.reading.held import End, Held
from streams.sinks.reading.records import Decoding, Records
from streams.sinks.reading.statuses import Statuses
from tests.unit.sinks.gauges import HEADER, decode, encode


def decoding(wanted: Callable[[Row], bool] = lambda _row: True) -> Decoding:
    """Return how gauges are decoded; statuses and samples are looked up, not decoded."""
    return Decoding(decode, no_status, no_sample, GaugeReader(HEADER, decode, wanted), wanted, Statuses(), Counters())


def no_status(_value: bytes) -> PollStatus:
    raise NotImplementedError


def no_sample(_value: bytes) -> RawCounters:
    raise NotImplementedError


def batch(gauges: Sequence[Gauge], how: Decoding, *ends: End) -> Records:
    """Return a batch of gauges, and of what has to end after them."""
    return Records(Topic.GAUGES, [encode(one) for one in gauges], how, partial(Held().ending, ends, 0))
