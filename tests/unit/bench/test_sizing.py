"""The sizing rule is the straight line through the runs."""

import pytest

from tests.bench.scale.sizing import Run, Slope, cores, rule, slope, summed, workers

FEW = Run(100, 20, 1, True, 10, {"polling": 3.0, "kafka": 1.0}, {"polling": 100, "kafka": 300})
MANY = Run(1_000, 20, 1, True, 20, {"polling": 16.5, "kafka": 2.8}, {"polling": 145, "kafka": 300})


def test_a_line_goes_through_both_sizes():
    line = slope(FEW, MANY, "polling")
    assert line == pytest.approx(Slope(0.005, 1.5, 0.05))
    assert cores(line, 1_000, 20) == pytest.approx(MANY.cpu_s_per_min["polling"] / 60)
    assert slope(FEW, MANY, "kafka").mib_per_device == 0


@pytest.mark.parametrize(("devices", "expected"), [(1, 1), (8_000, 1), (8_200, 2), (100_000, 12)])
def test_a_worker_is_to_use_seven_tenths_of_a_core(devices, expected):
    assert workers(Slope(0.005, 1.5, 0.0), devices, 60) == expected


def test_the_rule_names_every_stage():
    lines = {"polling": Slope(0.005, 1.5, 0.05), "kafka": Slope(0.0006, 0.6, 0)}
    assert rule(lines, 10_000, 60) == (
        "Per 10,000 devices at 60 s: polling 0.86 cores (2 workers), kafka 0.11 cores; one worker of each other stage."
    )


def test_further_workers_count_with_the_first():
    assert summed({"polling": 1.0, "polling-2": 2.5, "victoria-metrics": 1}) == {"polling": 3.5, "victoria-metrics": 1}
