"""Eight polls of one device, and what the reference system's integers say of an interface."""

import json
from pathlib import Path

from click.testing import CliRunner

from streams.cli.topics.rate import command
from tests.unit.gauges.making import T0_S, column, gauges, sample

HERE = Path(__file__).parent


def test_eight_polls_give_the_gauges_that_they_gave():
    result = CliRunner().invoke(command, ["--json", str(HERE / "polls.jsonl")])
    assert result.exit_code == 0
    assert result.stdout == (HERE / "gauges.jsonl").read_text()


def test_what_differs_from_the_reference_differs_for_its_reason():
    found = [json.loads(line) for line in (HERE / "gauges.jsonl").read_text().splitlines()]
    reasons = [gauge["missing"].get("extra_test_metric") for gauge in found]
    assert reasons == ["first-sample", None, None, None, None, "gap", "gap", "reset"]
    rates = [gauge["gauges"].get("extra_test_metric") for gauge in found]
    assert rates[1] == rates[2] == 120 / 60.06
    assert [int(rate) for rate in rates if rate is not None] == [1, 1, 1, 1]
    assert found[3] == found[4] == found[2]


def test_cut_to_integers_the_rates_of_an_interface_are_the_references():
    known = json.loads((HERE / "interface.json").read_text())
    interval_s = known["interval_s"]
    both = [name for name in known["counters"] if name in known["gauges"]]
    # the recording has no predecessor: one that the reference's integers allow, half a unit above them
    before = [known["counters"][name] - known["gauges"][name] * interval_s - interval_s // 2 for name in both]
    before = [max(0, value) for value in before]
    now = [known["counters"][name] for name in both]
    (gauge,) = gauges(
        sample([column(name, [value], unit="units") for name, value in zip(both, before, strict=True)]),
        sample(
            [column(name, [value], unit="units") for name, value in zip(both, now, strict=True)],
            slot=T0_S + interval_s,
        ),
    )
    assert {name: int(rate) for name, rate in gauge.gauges.items()} == {name: known["gauges"][name] for name in both}
    assert gauge.gauges["bits_in"] == 18585.5
