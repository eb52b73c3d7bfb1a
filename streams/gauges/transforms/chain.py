"""Applies third-party transforms to a sample's gauges in order, each with its own state.

The stage keeps the states of the last two samples beside these, so a replayed slot finds the state from before it: a
plugin has to be a pure fold and nothing more.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple, cast

from pollers.plugins.base import TransformPlugin
from schemas.records import Gauge, RawCounters, Resource
from streams.gauges.samples.identity import resource_of
from streams.gauges.samples.sample import Shape

#: of one gauge, so that a batch of it alone is one that the topic takes (8 MiB) with its key and header
LARGEST_GAUGE_BYTES: Final = 8 * 2**20 - 2**16
#: of all states of a series together, each plugin having the same share: with a sample of 8 MiB they make an entry
#: that the changelog takes (17 MiB)
LARGEST_STATES_BYTES: Final = 8 * 2**20


class Transform(NamedTuple):
    """A transform plugin and its filter."""

    section: str
    wants: Callable[[Resource], bool]
    plugin: TransformPlugin


class Transformed(NamedTuple):
    packed: Sequence[bytes]  #: what is to be published
    states: Mapping[str, bytes]  #: section -> state after this sample
    faults: Sequence[tuple[str, Exception]]  #: section, and why its part was passed over


class TransformError(Exception):
    """A transform returned something that cannot be published."""


def wanted(transforms: Sequence[Transform], shape: Shape) -> Sequence[Transform]:
    """Return the transforms whose filters select the resource of a shape, in their order."""
    found = cast("Sequence[Transform] | None", shape.kept.get(Transform))
    if found is None:
        resource = resource_of(shape.fixed.resource, shape.fixed.endpoint, dict(shape.fixed.labels))
        found = shape.kept[Transform] = [each for each in transforms if each.wants(resource)]
    return found


def transform(
    transforms: Sequence[Transform],
    states: Mapping[str, bytes],
    record: RawCounters,
    gauges: Sequence[Gauge],
    encode: Callable[[Gauge], bytes],
) -> Transformed:
    """Apply the transforms to a sample's gauges; each gets the result of the one before.

    One that fails is passed over: its gauges stay as they were, and so does its state.
    """
    after: dict[str, bytes] = {}
    faults: list[tuple[str, Exception]] = []
    packed: Sequence[bytes] | None = None
    for section, _, plugin in transforms:
        before = states.get(section)
        try:
            # copies: what a plugin does to its own arguments must not reach what is published if it fails
            state, given = plugin.advance(before, replace(record, labels=dict(record.labels)), [*map(_copy, gauges)])
            made = list(given)  # a generator can be read once only
            packed_now = [_packed(gauge, record, encode) for gauge in made]
            after[section] = _state(state, LARGEST_STATES_BYTES // len(transforms))
        except Exception as fault:  # noqa: BLE001 - foreign code: its fault is counted and must not take our gauges along
            faults.append((section, fault))
            if before is not None:
                after[section] = before
        else:
            gauges, packed = made, packed_now
    return Transformed([encode(gauge) for gauge in gauges] if packed is None else packed, after, faults)


def _copy(gauge: Gauge) -> Gauge:
    return replace(
        gauge,
        dimensions=dict(gauge.dimensions),
        labels=dict(gauge.labels),
        gauges=dict(gauge.gauges),
        states=dict(gauge.states),
        missing=dict(gauge.missing),
        confidence=dict(gauge.confidence),
        counters=dict(gauge.counters),
    )


def _packed(gauge: Gauge, record: RawCounters, encode: Callable[[Gauge], bytes]) -> bytes:
    """Return the gauge as bytes. Raises TransformError for one that is not of this sample, or cannot be published."""
    mine, whose = ((one.resource, one.job, one.slot) for one in (record, gauge))
    if mine != whose:
        raise TransformError(f"a gauge of {whose}, expected the sample's resource, job and slot {mine}")
    if strange := [name for name, value in gauge.gauges.items() if not math.isfinite(value)]:
        raise TransformError(f"gauges of row {gauge.row!r} that are NaN or infinite: {strange[:5]}")
    if gauge.duration_s is not None and not 0 < gauge.duration_s < math.inf:
        raise TransformError(f"row {gauge.row!r} has a duration of {gauge.duration_s} s")
    packed = encode(gauge)
    if len(packed) > LARGEST_GAUGE_BYTES:
        raise TransformError(f"a gauge of {len(packed)} bytes, expected {LARGEST_GAUGE_BYTES} at most")
    return packed


def _state(state: object, most: int) -> bytes:
    """Return the state. Raises TransformError for one that is no bytes, or has more than its share of an entry."""
    if not isinstance(state, bytes | bytearray | memoryview):  # bytes(10**7) would be ten million zeros
        raise TransformError(f"a state that is {type(state).__name__}, expected bytes")
    if len(made := bytes(state)) > most:
        raise TransformError(f"a state of {len(made)} bytes, expected {most} at most")
    return made
