"""Where no lab can be built, that is said; CI does not go on without it."""

import os
from pathlib import Path

import pytest

from tests.lab import needs
from tests.lab.conftest import require
from tests.lab.testbed import system


def test_a_user_is_told_that_it_takes_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert needs.why_not.__wrapped__() == "the lab needs root, to make network namespaces"


def test_what_is_not_installed_is_named_by_its_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(system, "PATH", str(tmp_path))
    monkeypatch.setattr(needs, "FRR", tmp_path / "bgpd")
    monkeypatch.setattr(needs, "FRR_SNMP", "nothing")
    packages = "ethtool frr frr-snmp iperf3 iproute2 iputils-ping lldpd procps snmp snmpd util-linux"
    assert (
        needs.why_not.__wrapped__()
        == f"the lab needs more programs: apt-get install --no-install-recommends {packages}"
    )


def test_the_set_up_knows_every_package() -> None:
    setup = (Path(__file__).parents[3] / "scripts" / "setup").read_text()
    packages = {*needs.PROGRAMS.values(), "frr", "frr-snmp"} - {"util-linux"}  # without that there is no Debian
    assert [package for package in packages if f":{package}" not in setup and f"|{package}" not in setup] == []


def test_without_a_lab_its_tests_are_skipped() -> None:
    require(None, ci=False)
    with pytest.raises(pytest.skip.Exception, match="needs root"):
        require("it needs root", ci=False)


def test_ci_fails_without_a_lab() -> None:
    require(None, ci=True)
    with pytest.raises(pytest.fail.Exception, match="CI=true, and it needs root"):
        require("it needs root", ci=True)
