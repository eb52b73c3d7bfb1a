"""Queries the store by PromQL for every compared rate, and checks presence, time and value."""

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Iterable
from typing import Final, NamedTuple, TypedDict

from streams.playground.check.judge import Judge, JudgedRate

#: how long the last rates may be on their way to the store
SETTLE_S: Final = 20.0
AGAIN_S: Final = 0.5
#: a value is the same in the topic and in the store within this part of it
SAME: Final = 1e-9

#: series' name, device, row, Unix milliseconds
Key = tuple[str, str, str, int]


class Stored(NamedTuple):
    right: int
    wanted: int

    @property
    def line(self) -> str:
        return (
            f"store: {self.right} of {self.wanted} rates are there by PromQL, at their times, as in the topic (to"
            f" {SAME:g}) and in truth"
        )


def series_of(name: str) -> str:
    """Return the name of an interface's rate in the store."""
    says_what = "packets" in name or name == "errors_symbol"  # symbols are no packets
    unit = "" if says_what else "_bytes" if name.startswith("octets") else "_packets"
    return f"panoptes_interface_{name}{unit}_per_second"


def compare(url: str, judge: Judge) -> Stored:
    """Return how many of the judge's rates are in the store and right; others become problems of the judge."""
    wanted = {(series_of(one.name), one.device, one.row, one.time_ms): one for one in judge.rates}
    until_s = time.monotonic() + SETTLE_S
    while True:
        found = _samples(url, wanted.values())
        if wanted.keys() <= found.keys() or time.monotonic() > until_s:
            break
        time.sleep(AGAIN_S)
    problems = [_wrong(key, rate, found.get(key)) for key, rate in wanted.items()]
    told = [*filter(None, problems), *_extras(wanted, found, judge.moments)]
    for problem in told:
        judge.problem(problem)
    return Stored(problems.count(None), len(wanted))


def _wrong(key: Key, rate: JudgedRate, value: float | None) -> str | None:
    where = f"{rate.device} {rate.row} {key[0]} at {rate.time_ms}"
    if value is None:
        return f"the store has no {where}"
    if abs(value - rate.found) > SAME * abs(rate.found):
        return f"the store has {value!r} for {where}, the topic {rate.found!r}"
    if abs(value - rate.true) > rate.may_be_off:
        return f"the store has {value:.6g}/s for {where}, in truth it is {rate.true:.6g}/s"
    return None


def _extras(wanted: dict[Key, JudgedRate], found: dict[Key, float], moments: set[tuple[str, str, int]]) -> list[str]:
    """Return samples of the same series between the first and the last that was compared, at times of no gauge."""
    ends: dict[tuple[str, str, str], tuple[int, int]] = {}
    for name, device, row, at_ms in wanted:
        first, last = ends.get((name, device, row), (at_ms, at_ms))
        ends[name, device, row] = min(first, at_ms), max(last, at_ms)
    return [
        f"the store has a {key[0]} of {key[1]} {key[2]} at {key[3]}, of which no gauge knows"
        for key in found.keys() - wanted.keys()
        if key[1:] not in moments and key[:3] in ends and ends[key[:3]][0] < key[3] < ends[key[:3]][1]
    ]


def _samples(url: str, rates: Iterable[JudgedRate]) -> dict[Key, float]:
    """Return every sample of the rates' series since the first of them."""
    names = {one.name for one in rates}
    if not names:
        return {}
    now_s = time.time()
    since_s = int(now_s - min(one.time_ms for one in rates) / 1000) + 2
    return {
        (series_of(name), one["metric"]["device"], one["metric"]["row"], round(float(at_s) * 1000)): float(value)
        for name in sorted(names)
        for one in _asked(url, f"{series_of(name)}[{since_s}s]", now_s)
        for at_s, value in one["values"]
    }


class _Series(TypedDict):
    """One series of an answer of the store."""

    metric: dict[str, str]
    values: list[tuple[float, str]]


def _asked(url: str, query: str, at_s: float) -> list[_Series]:
    asked = urllib.parse.urlencode({"query": query, "time": f"{at_s:.3f}", "nocache": "1"})
    with urllib.request.urlopen(f"{url}/api/v1/query?{asked}", timeout=60) as response:  # noqa: S310 (loopback http)
        result: list[_Series] = json.load(response)["data"]["result"]
    return result
