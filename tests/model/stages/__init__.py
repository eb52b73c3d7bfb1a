"""What each stage is given in the model, and what has to come out."""

from typing import Final

from tests.model.stage_model import StageModel
from tests.model.stages.discovery import Discoveries
from tests.model.stages.enrichment import Enrichments
from tests.model.stages.gauges import Gauges
from tests.model.stages.polling import Polling
from tests.model.stages.resources import Resources

STAGES: Final[tuple[type[StageModel], ...]] = (Discoveries, Resources, Enrichments, Polling, Gauges)
