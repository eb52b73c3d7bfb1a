"""The part of the vocabulary that a profile uses, and the names that it adds."""

from dataclasses import replace

from pollers.profiles.authoring.emitted import Emitted, emitted, labels
from pollers.profiles.model import Profile
from pollers.vocabulary.model import Metric, MetricGroup, MetricKind, Vocabulary


def groups_of(profile: Profile, vocabulary: Vocabulary) -> list[MetricGroup]:
    """Return the profile's groups with only the metrics and labels that the profile has."""
    made: dict[str, dict[str, Metric]] = {name: {} for name in profile.groups}
    for each in emitted(profile):
        made[each.group].setdefault(each.name, vocabulary.metric(each.group, each.name) or _of_its_own(each))
    found: list[MetricGroup] = []
    for group in profile.groups.values():
        word = vocabulary.groups.get(group.name) or _group_of_its_own(group.name, profile)
        shown = dict.fromkeys(label for table in group.tables for label in labels(profile, profile.tables[table]))
        meanings = {label: word.labels.get(label, "") for label in shown}
        found.append(replace(word, labels=meanings, metrics=made[group.name]))
    return found


def _group_of_its_own(name: str, profile: Profile) -> MetricGroup:
    return MetricGroup(name=name, meaning=f"A group of the profile {profile.name}.", labels={}, metrics={})


def _of_its_own(each: Emitted) -> Metric:
    free = each.kind is MetricKind.STATE and not each.states
    return Metric(
        group=each.group,
        name=each.name,
        unit=each.unit,
        kind=MetricKind.INFO if free else each.kind,
        states=each.states,
        meaning=f"The profile's own ({each.key}).",
    )
