"""What the topics say now: pure folds over their records, asked by pages and API alike."""

from streams.console.models.everything import Models
from streams.console.models.facts import Point, Problem, Series, TopicFacts
from streams.console.models.states import Health

__all__ = ["Health", "Models", "Point", "Problem", "Series", "TopicFacts"]
