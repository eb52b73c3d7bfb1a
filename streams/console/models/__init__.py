"""What the topics say now: pure folds over their records, asked by pages and API alike."""

from streams.console.models.everything import ReadModels
from streams.console.models.facts import CurrentProblem, Point, RowSeries, TopicFacts
from streams.console.models.states import DeviceHealth

__all__ = ["CurrentProblem", "DeviceHealth", "Point", "ReadModels", "RowSeries", "TopicFacts"]
