"""Formats an explanation as the lines of `panoptes rate --explain`."""

import datetime as dt
from collections.abc import Iterator

from streams.console.why.explained import Explanation, NotKept, SampleReading


def told(why: Explanation | NotKept) -> Iterator[str]:
    """Yield the explanation's lines."""
    if isinstance(why, NotKept):
        yield f"cannot tell: {why.what}"
        return
    asked = why.asked
    value = "no value" if why.value is None else f"{why.value:.6g} {why.unit}"
    yield f"{asked.resource} {asked.group} {asked.row} {asked.name}, slot {asked.slot} of {why.job}: {value}"
    for word, rule in zip(why.words, why.rules, strict=True):
        yield f"  {word}: {rule}"
    if why.expression:
        yield f"  worked out as {why.expression}"
    for operand in why.made_of:
        value = "no value" if operand.value is None else f"{operand.value:.6g}"
        yield f"    {operand.name} = {value}{operand.words and f'  [{operand.words}]'}"
    yield f"  before  {_reading(why.before)}"
    yield f"  now     {_reading(why.now)}"
    yield (
        f"  apart   {_seconds(why.ours_s)} by our clock, {_seconds(why.devices_s)} by sysUpTime, "
        f"{_seconds(why.slots_s)} by the slots; the rate is over {_seconds(why.duration_s)}"
    )
    if why.width is not None:
        moved = "unknown" if why.passed is None else str(why.passed)
        yield f"  moved   {moved} (a counter of {why.width} bits, times {why.scale:g})"
        most = "no bound" if why.most_per_s is None else f"at most {why.most_per_s:.6g} {why.unit} is believed"
        line = f"{why.line_rate_bits_per_s} bit/s" if why.line_rate_bits_per_s else "of unknown speed"
        yield f"  line    {line}: {most}"


def _reading(reading: SampleReading | None) -> str:
    if reading is None:
        return "none in what was read"
    raw = "-" if reading.raw is None else str(reading.raw)
    at = dt.datetime.fromtimestamp(reading.answered_at_ms / 1000, tz=dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    return (
        f"{raw} at {at}Z, slot {reading.slot}, sysUpTime {_or_dash(reading.uptime_cs)} cs, "
        f"boots {_or_dash(reading.engine_boots)}, discontinuity {_or_dash(reading.discontinuity_cs)} cs"
    )


def _or_dash(number: int | None) -> str:
    return "-" if number is None else str(number)


def _seconds(seconds: float | None) -> str:
    return "unknown" if seconds is None else f"{seconds:.3f} s"
