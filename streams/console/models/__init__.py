"""What the topics say now: pure folds over their records, asked by pages and API alike."""

from streams.console.models.everything import Models
from streams.console.models.facts import Point, Problem, RowSeries, TopicFacts
from streams.console.models.states import DeviceState

__all__ = ["DeviceState", "Models", "Point", "Problem", "RowSeries", "TopicFacts"]
