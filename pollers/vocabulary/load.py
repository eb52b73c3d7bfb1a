"""Loads the vocabulary from its files."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import yaml

from pollers.vocabulary.model import NO_UNIT, Metric, MetricGroup, MetricKind, Vocabulary
from schemas.errors import PanoptesError

HERE: Final = Path(__file__).parent
#: the file that the others share; every other one has groups
WORDS: Final = "words"
_OF_A_GROUP: Final = frozenset({"meaning", "labels", "metrics"})
_OF_A_METRIC: Final = frozenset({"unit", "kind", "states", "meaning", "objects"})


class VocabularyError(PanoptesError):
    """The vocabulary's files are invalid; the message says where."""


@cache
def load() -> Vocabulary:
    """Return the vocabulary that comes with the package. Raises VocabularyError."""
    return read({path.stem: path.read_text(encoding="utf-8") for path in sorted(HERE.glob("*.yaml"))})


def read(texts: Mapping[str, str]) -> Vocabulary:
    """Return the vocabulary of some files (name without ending -> YAML). Raises VocabularyError."""
    words = _mapping(WORDS, yaml.safe_load(texts[WORDS]))
    sets = {name: _texts(f"{WORDS}: {name}", each) for name, each in _mapping(WORDS, words["states"]).items()}
    groups: dict[str, MetricGroup] = {}
    for file, text in texts.items():
        if file == WORDS:
            continue
        for name, entry in _mapping(file, yaml.safe_load(text)).items():
            if name in groups:
                raise VocabularyError(f"{file}: {name}: a group once, not again")
            groups[name] = _group(f"{file}: {name}", name, entry, sets)
    return Vocabulary(
        groups=dict(sorted(groups.items())),
        vendors=frozenset(_texts(WORDS, words["vendors"])),
        stateful_texts=_named(WORDS, words["stateful_texts"]),
        plausible=_plausible(words["plausible"]),
        renumbered=_named(WORDS, words["renumbered"]),
    )


def _group(where: str, name: str, entry: object, sets: Mapping[str, Sequence[str]]) -> MetricGroup:
    found = _mapping(where, entry)
    _only(where, found, _OF_A_GROUP)
    metrics = _mapping(f"{where}.metrics", found.get("metrics"))
    return MetricGroup(
        name=name,
        meaning=_text(f"{where}.meaning", found.get("meaning")),
        labels=_named(where, found.get("labels", {})),
        metrics={key: _metric(f"{where}.{key}", (name, key), each, sets) for key, each in metrics.items()},
    )


def _metric(where: str, names: tuple[str, str], entry: object, sets: Mapping[str, Sequence[str]]) -> Metric:
    found = _mapping(where, entry)
    _only(where, found, _OF_A_METRIC)
    states = found.get("states", [])
    if isinstance(states, str):
        if states not in sets:
            raise VocabularyError(f"{where}: states: expected a list, or one of {', '.join(sets)}")
        states = sets[states]
    kind = str(found.get("kind", MetricKind.STATE if states else MetricKind.LEVEL))
    if kind not in set(MetricKind) or (kind == MetricKind.STATE) is not bool(states) or (states and "unit" in found):
        raise VocabularyError(f"{where}: expected kind: level, rate or info, or states without a unit")
    return Metric(
        group=names[0],
        name=names[1],
        unit=_text(f"{where}.unit", found.get("unit", NO_UNIT)),
        kind=MetricKind(kind),
        states=tuple(_texts(f"{where}.states", states)),
        meaning=_text(f"{where}.meaning", found.get("meaning")),
        objects=tuple(_texts(f"{where}.objects", found.get("objects", []))),
    )


def _mapping(where: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise VocabularyError(f"{where}: expected a mapping")
    return value


def _named(where: str, value: object) -> Mapping[str, str]:
    return {key: _text(f"{where}.{key}", text) for key, text in _mapping(where, value).items()}


def _plausible(bounds: object) -> Mapping[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for unit, each in _mapping(f"{WORDS}: plausible", bounds).items():
        match each:
            case [int() | float() as least, int() | float() as most]:
                found[unit] = (float(least), float(most))
            case _:
                raise VocabularyError(f"{WORDS}: plausible.{unit}: expected two numbers")
    return found


def _texts(where: str, value: object) -> Sequence[str]:
    if not isinstance(value, list):
        raise VocabularyError(f"{where}: expected a list")
    return [_text(where, each) for each in value]


def _only(where: str, found: Mapping[str, object], known: Iterable[str]) -> None:
    unknown = set(found) - set(known)
    if unknown:
        raise VocabularyError(f"{where}: expected only {', '.join(sorted(known))}, not {', '.join(sorted(unknown))}")


def _text(where: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise VocabularyError(f"{where}: expected a text, not {value!r}")
    return value
