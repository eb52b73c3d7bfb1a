"""Third-party transforms of a sample's gauges, one after the other, each with its own state.

The stage keeps the states of the last two samples beside these, so a replayed slot finds the state from before it: a
plugin has to be a pure fold and nothing more.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pollers.plugins.base import TransformPlugin
from schemas.records import Gauge, RawCounters, Resource
from streams.gauges.identity import resource_of


class Transform(NamedTuple):
    """A transform plugin and what it is for."""

    section: str
    wants: Callable[[Resource], bool]
    plugin: TransformPlugin


class Transformed(NamedTuple):
    packed: Sequence[bytes]  #: what is to be published
    states: Mapping[str, bytes]  #: section -> state after this sample
    faults: Sequence[tuple[str, Exception]]  #: section, and why its part was passed over


class TransformError(Exception):
    """A transform gave something that cannot be published."""


def wanted(transforms: Sequence[Transform], record: RawCounters) -> list[Transform]:
    """Return the transforms whose filter takes the record's resource, in their order."""
    resource = resource_of(record.resource, record.endpoint, record.labels)
    return [transform for transform in transforms if transform.wants(resource)]


def transform(
    transforms: Sequence[Transform],
    states: Mapping[str, bytes],
    record: RawCounters,
    gauges: Sequence[Gauge],
    encode: Callable[[Gauge], bytes],
) -> Transformed:
    """Return what the transforms make of a sample's gauges; each is given what the one before it made.

    One that fails is passed over: its gauges stay as they were, and so does its state.
    """
    after: dict[str, bytes] = {}
    faults: list[tuple[str, Exception]] = []
    packed: Sequence[bytes] | None = None
    for section, _, plugin in transforms:
        before = states.get(section)
        try:
            state, made = plugin.advance(before, record, gauges)
            packed_now = [_packed(gauge, record, encode) for gauge in made]
            after[section] = bytes(state)
        except Exception as fault:  # noqa: BLE001 - foreign code: its fault is counted and must not take our gauges along
            faults.append((section, fault))
            if before is not None:
                after[section] = before
        else:
            gauges, packed = made, packed_now
    return Transformed([encode(gauge) for gauge in gauges] if packed is None else packed, after, faults)


def _packed(gauge: Gauge, record: RawCounters, encode: Callable[[Gauge], bytes]) -> bytes:
    if gauge.resource != record.resource:
        raise TransformError(f"a gauge of another resource, {gauge.resource!r}: its key would be wrong")
    return encode(gauge)
