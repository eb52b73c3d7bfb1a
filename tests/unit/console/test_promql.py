"""What a store is asked, by our names, and what is taken of its answers."""

import pytest

from schemas.errors import BackendError
from streams.console.history.promql import points, query
from streams.console.models.facts import Point, RowSeries

SERIES = RowSeries("lab|network|switch|acme|sw1", "interface", "Gi0/1", "octets_in", "octets/s")


def answer(values):
    return {"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": values}]}}


def test_a_series_is_asked_for_by_the_name_and_labels_that_sinks_give():
    labels = '{site="lab",device="sw1",row="Gi0/1"}'
    assert query(SERIES, 60) == f"avg_over_time(panoptes_interface_octets_in_bytes_per_second{labels}[60s])"


def test_a_row_with_quotes_stays_within_its_label():
    assert '{site="lab",device="sw1",row="a\\"} or up{x=\\"\\\\"}' in query(SERIES._replace(row='a"} or up{x="\\'), 60)


def test_a_step_without_a_number_is_a_gap():
    found = points(answer([[60, "5"], [180, "NaN"]]), SERIES, 60, 180, 60)
    assert found == [Point(60, 5.0), Point(120, None), Point(180, None)]


def test_numbers_come_back_in_the_records_own_unit():
    share = RowSeries(SERIES.resource, "cpu", "1", "load", "%")
    assert points(answer([[0, "0.5"]]), share, 0, 0, 60) == [Point(0, 50.0)]


def test_no_series_is_all_gaps():
    empty = {"status": "success", "data": {"resultType": "matrix", "result": []}}
    assert points(empty, SERIES, 0, 60, 60) == [Point(0, None), Point(60, None)]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"status": "error"}, id="an-error"),
        pytest.param([], id="a-list"),
        pytest.param(None, id="null"),
        pytest.param({"status": "success", "data": {"resultType": "vector", "result": []}}, id="a-vector"),
        pytest.param(answer([[0, "many"]]), id="no-number"),
        pytest.param(answer([["soon"]]), id="no-pair"),
    ],
)
def test_what_is_no_matrix_is_refused(wrong):
    with pytest.raises(BackendError, match="no matrix"):
        points(wrong, SERIES, 0, 60, 60)
