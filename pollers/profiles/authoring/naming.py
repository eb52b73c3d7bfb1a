"""Checks that a profile uses the vocabulary: groups, metrics, units, kinds and states."""

import difflib
from collections.abc import Iterable, Iterator, Sequence

from pollers.profiles.authoring.emitted import Emitted, emitted, has_prefix, prefixes
from pollers.profiles.model import Profile
from pollers.profiles.place import Problem
from pollers.vocabulary.model import Metric, MetricGroup, MetricKind, Vocabulary


def naming_problems(profile: Profile, vocabulary: Vocabulary) -> Iterator[Problem]:
    """Yield names that are neither in the vocabulary nor a vendor's own, and vocabulary names used wrongly."""
    known = prefixes(profile, vocabulary.vendors)
    for group in profile.groups.values():
        if group.name not in vocabulary.groups and not has_prefix(group.name, known):
            expected = f"a group of the vocabulary{_like(group.name, vocabulary.groups)}, or {_own(group.name, known)}"
            yield Problem(group.at, f"emit.{group.name}", expected)
    for made in emitted(profile):
        group_of = vocabulary.groups.get(made.group)
        if group_of is None:
            continue  # a vendor's own group has names of its own
        metric = group_of.metrics.get(made.name)
        if metric is not None:
            yield from _misused(made, metric)
        elif not has_prefix(made.name, known):
            yield Problem(made.at, made.key, _unknown(made.name, group_of, known))


def _unknown(name: str, group: MetricGroup, known: frozenset[str]) -> str:
    return f"a metric of the group {group.name}{_like(name, group.metrics)}, or {_own(name, known)}"


def _own(name: str, known: frozenset[str]) -> str:
    vendor = next((prefix for prefix in sorted(known) if prefix in name), "acme")
    return f"a name with a vendor's prefix, such as {vendor}_{name} with the static tag vendor: {vendor}"


def _like(name: str, words: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(words), n=3, cutoff=0.5)
    such = f"such as {', '.join(near)}; " if near else ""
    return f" ({such}panoptes metrics list has all)"


def _misused(made: Emitted, metric: Metric) -> Iterator[Problem]:
    """Yield what a profile says otherwise than the vocabulary does."""
    if not _same_kind(made, metric):
        yield Problem(made.at, f"{made.key}.use", f"a {metric.kind}, as the vocabulary has it, not a {made.kind}")
    elif made.unit != metric.unit:
        yield Problem(made.at, f"{made.key}.unit", f"{metric.unit}, as the vocabulary has it, not {made.unit}")
    elif strange := _strange(made, metric.states):
        expected = f"only {', '.join(metric.states)}, as the vocabulary has it, not {', '.join(strange)}"
        yield Problem(made.at, f"{made.key}.enum", expected)


def _same_kind(made: Emitted, metric: Metric) -> bool:
    if made.kind is metric.kind or (made.may_be_rate and metric.kind is MetricKind.RATE):
        return True
    return metric.kind is MetricKind.INFO and made.kind is MetricKind.STATE and not made.states


def _strange(made: Emitted, states: Sequence[str]) -> list[str]:
    return [word for word in made.states if word not in states] if states else []
