"""The style rules of `panoptes profile lint`: unclear names and unstable row keys."""

from pathlib import PurePath

from pollers.profiles.authoring.keys import key_problems
from pollers.profiles.authoring.naming import naming_problems
from pollers.profiles.importing.folder import IMPORTED
from pollers.profiles.model import Profile
from pollers.profiles.place import Problem
from pollers.vocabulary.model import Vocabulary


def wording_problems(profile: Profile, vocabulary: Vocabulary) -> list[Problem]:
    """Return what is wrong with a profile's names and keys; imported ones keep the words of their origin."""
    if profile.name.startswith(IMPORTED):
        return []
    found = (*naming_problems(profile, vocabulary), *key_problems(profile, vocabulary))
    return [problem for problem in found if not PurePath(problem.at.file).name.startswith(IMPORTED)]
