"""Every stage on the real kernel, whatever happens to its workers: see machine.py for what that is."""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import machine_of
from tests.model.stage_model import StageModel
from tests.model.stages import STAGES

#: `make chaos` looks for longer, and elsewhere each time
IS_LONG = os.environ.get("CHAOS") == "long"


@pytest.mark.timeout(7200 if IS_LONG else 300)
@pytest.mark.parametrize("model", STAGES, ids=lambda model: model.name)
def test_nothing_that_happens_to_workers_loses_or_spoils_a_record(model: type[StageModel]) -> None:
    run_state_machine_as_test(
        machine_of(model),
        settings=settings(
            max_examples=int(os.environ.get("MODEL_EXAMPLES", "500" if IS_LONG else "12")),
            stateful_step_count=30 if IS_LONG else 20,
            phases=[Phase.generate, *([Phase.shrink] if IS_LONG else [])],  # it takes minutes
            derandomize=not IS_LONG,
            report_multiple_bugs=False,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
