"""Completes filters: fields, and the values that devices have; pure."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from streams.console.models import ReadModels
from streams.scheduling.filter_fields import ENRICHED, METADATA

MOST: Final = 20
_VALUE: Final = re.compile(r"([\w.]+)\s*(?:=|==|!=|<>|LIKE)\s*'([^']*)$", re.IGNORECASE)
_WORD: Final = re.compile(r"([\w.]*)$")


def completions(models: ReadModels, text: str) -> Sequence[str]:
    """Return completed texts, those that match most devices first."""
    value = _VALUE.search(text)
    if value is not None:
        found = _values(models, value[1].lower())
        fits = [each for each, _ in found.most_common() if each.casefold().startswith(value[2].casefold())]
        start = text[: value.start(2)]
        return [f"{start}{each.replace(chr(39), chr(39) * 2)}'" for each in fits[:MOST]]
    word = _WORD.search(text)
    typed = word[1] if word else ""
    labels = {f"{METADATA}{name}" for each in models.resources().values() for name in each.resource.labels}
    names = [*ENRICHED.named, *sorted(labels)]
    return [f"{text.removesuffix(typed)}{each} = '" for each in names if typed and each.startswith(typed.lower())][
        :MOST
    ]


def _values(models: ReadModels, field: str) -> Counter[str]:
    of = ENRICHED.named.get(field)
    label = field.removeprefix(METADATA)
    found: Counter[str] = Counter()
    for each in models.resources().values():
        labels: Mapping[str, str] = each.resource.labels
        found.update(of(each) if of else [labels[label]] if label in labels else [])
    return found
