"""Names metrics for Prometheus and OpenMetrics, and scales their values to base units."""

import re
from typing import Final, NamedTuple

from pollers.vocabulary.model import NO_UNIT, MetricKind

PREFIX: Final = "panoptes"
PER_SECOND: Final = "per_second"


class Exported(NamedTuple):
    name: str
    scale: float  #: value there = value here x scale


class _Unit(NamedTuple):
    word: str  #: of the base unit; "" = none
    scale: float = 1.0


def prometheus_name(group: str, metric: str, unit: str, kind: MetricKind) -> Exported:
    """Return `panoptes_<group>_<metric>_<unit>` with base units, and the scale to them.

    A metric that begins with its group's name does not say it again, nor its unit where it has that among its words.
    Rates end in `_per_second`, and once (a level in bits/s is like one); states are StateSets and have no unit; texts
    end in `_info`. Units are those of the vocabulary, of UCUM and SI as people write them; of any other text what can
    stand in a name is kept.
    """
    group, metric = _clean(group), _clean(metric)
    stem = f"{PREFIX}_{metric}" if f"{metric}_".startswith(f"{group}_") else f"{PREFIX}_{group}_{metric}"
    if kind is MetricKind.INFO:
        return Exported(f"{stem}_info", 1.0)
    if kind is MetricKind.STATE:
        return Exported(_unreserved(stem), 1.0)
    if stem.endswith("_per_s"):
        stem += "econd"
    base = base_unit(unit)
    if base.word and f"_{base.word}_" not in f"{stem}_":
        stem = f"{stem}_{base.word}"
    if kind is MetricKind.RATE and not stem.endswith(f"_{PER_SECOND}"):
        stem = f"{stem}_{PER_SECOND}"
    return Exported(_unreserved(stem), base.scale)


def _unreserved(name: str) -> str:
    """Return a name that does not end as OpenMetrics has it for counters, histograms and infos only."""
    return f"{name}_value" if name.rpartition("_")[2] in _RESERVED else name


def base_unit(unit: str) -> _Unit:
    """Return the word of a unit's base unit, and how many of these it is."""
    text = _ANNOTATION.sub(lambda found: found[1], unit.strip()).replace("°", "deg").replace("\N{MICRO SIGN}", "u")
    text = text.replace("\N{GREEK SMALL LETTER MU}", "u").replace("³", "3").replace("²", "2")
    if text.endswith("/s") or (text.endswith("ps") and text[:-2] in _BITS_PER):
        inner = _simple(text[:-2])
        return _Unit(f"{inner.word}_{PER_SECOND}" if inner.word else PER_SECOND, inner.scale)
    for ending, seconds in _PER.items():
        if text.endswith(ending):
            inner = _simple(text.removesuffix(ending))
            return _Unit(f"{inner.word}_{PER_SECOND}" if inner.word else PER_SECOND, inner.scale / seconds)
    return _simple(text)


def _simple(text: str) -> _Unit:
    for known in (_UNITS.get(text), _UNITS.get(text.lower())):
        if known is not None:
            return known
    for prefix, scale in _PREFIXES.items():
        rest = text.removeprefix(prefix)
        if rest != text and rest in _PREFIXED:
            return _Unit(_PREFIXED[rest], scale * _UNITS[rest].scale)
    for prefix, scale in _PREFIX_WORDS.items():
        rest = text.lower().removeprefix(prefix)
        if rest != text.lower() and rest in _UNITS:
            return _Unit(_UNITS[rest].word, scale * _UNITS[rest].scale)
    return _Unit(re.sub(r"_+", "_", _NOT_A_NAME.sub("_", text.lower())).strip("_")[:_LONGEST])


def _clean(name: str) -> str:
    return _NOT_A_NAME.sub("_", name)


_LONGEST: Final = 32
_RESERVED: Final = frozenset({"total", "created", "bucket", "count", "sum", "info"})
_NOT_A_NAME: Final = re.compile(r"\W", re.ASCII)
_ANNOTATION: Final = re.compile(r"[{\[]([^{}\[\]]*)[}\]]")
_PER: Final = {"/sec": 1.0, "/second": 1.0, "/min": 60.0, "/h": 3600.0}
_BITS_PER: Final = frozenset({"b", "kb", "Kb", "Mb", "Gb", "Tb"})
#: a unit as it is written -> its base unit
_UNITS: Final[dict[str, _Unit]] = {
    "": _Unit(""),
    NO_UNIT: _Unit(""),
    "none": _Unit(""),
    "%": _Unit("ratio", 0.01),
    "percent": _Unit("ratio", 0.01),
    "ratio": _Unit("ratio"),
    "ppm": _Unit("ratio", 1e-6),
    "octet": _Unit("bytes"),
    "octets": _Unit("bytes"),
    "byte": _Unit("bytes"),
    "bytes": _Unit("bytes"),
    "By": _Unit("bytes"),
    "B": _Unit("bytes"),
    "KB": _Unit("bytes", 1e3),
    "bit": _Unit("bits"),
    "bits": _Unit("bits"),
    "b": _Unit("bits"),
    "s": _Unit("seconds"),
    "sec": _Unit("seconds"),
    "second": _Unit("seconds"),
    "seconds": _Unit("seconds"),
    "min": _Unit("seconds", 60.0),
    "minute": _Unit("seconds", 60.0),
    "minutes": _Unit("seconds", 60.0),
    "h": _Unit("seconds", 3600.0),
    "hour": _Unit("seconds", 3600.0),
    "hours": _Unit("seconds", 3600.0),
    "d": _Unit("seconds", 86400.0),
    "day": _Unit("seconds", 86400.0),
    "days": _Unit("seconds", 86400.0),
    "celsius": _Unit("celsius"),
    "cel": _Unit("celsius"),
    "C": _Unit("celsius"),
    "degc": _Unit("celsius"),
    "degf": _Unit("fahrenheit"),
    "K": _Unit("kelvin"),
    "V": _Unit("volts"),
    "volt": _Unit("volts"),
    "volts": _Unit("volts"),
    "A": _Unit("amperes"),
    "amp": _Unit("amperes"),
    "amps": _Unit("amperes"),
    "ampere": _Unit("amperes"),
    "amperes": _Unit("amperes"),
    "W": _Unit("watts"),
    "watt": _Unit("watts"),
    "watts": _Unit("watts"),
    "VA": _Unit("volt_amperes"),
    "J": _Unit("joules"),
    "Wh": _Unit("joules", 3600.0),
    "Hz": _Unit("hertz"),
    "hertz": _Unit("hertz"),
    "m": _Unit("meters"),
    "meter": _Unit("meters"),
    "meters": _Unit("meters"),
    "m3": _Unit("cubic_meters"),
    "dbm": _Unit("dbm"),
    "dbmw": _Unit("dbm"),
    "db": _Unit("decibels"),
    "rpm": _Unit("rpm"),
}
#: what SI's prefixes go before, as symbols
_PREFIXED: Final = {
    symbol: _UNITS[symbol].word for symbol in ("B", "By", "bit", "b", "s", "V", "A", "W", "VA", "J", "Wh", "Hz", "m")
}
_PREFIXES: Final = {
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40,
    "n": 1e-9, "u": 1e-6, "m": 1e-3, "c": 1e-2, "d": 1e-1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
}  # fmt: skip
_PREFIX_WORDS: Final = {
    "kibi": 2.0**10, "mebi": 2.0**20, "gibi": 2.0**30, "tebi": 2.0**40,
    "nano": 1e-9, "micro": 1e-6, "milli": 1e-3, "centi": 1e-2, "deci": 1e-1,
    "kilo": 1e3, "mega": 1e6, "giga": 1e9, "tera": 1e12,
}  # fmt: skip
