"""The present state of the pipeline: pure folds over the topics, read by pages and API."""

from streams.console.models.everything import ReadModels
from streams.console.models.facts import CurrentProblem, Point, RowSeries, TopicFacts
from streams.console.models.states import DeviceHealth

__all__ = ["CurrentProblem", "DeviceHealth", "Point", "ReadModels", "RowSeries", "TopicFacts"]
