"""The bill of materials has all that is shipped, and nothing that only develops; each with a licence that may be."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sbom")
    command = [sys.executable, str(ROOT / "scripts" / "sbom.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_it_has_what_is_shipped_and_what_that_needs(made):
    bill = json.loads((made / "sbom.cdx.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    by_name = {part["name"]: part for part in bill["components"]}
    assert {"aiokafka", "faust-streaming", "mode-streaming", "numpy", "echarts", "htmx.org"} <= by_name.keys()
    assert not {"pytest", "mypy", "ruff", "hypothesis", "panoptes-streams"} & by_name.keys()
    assert all(part["purl"].endswith(f"@{part['version']}") and part["licenses"] for part in bill["components"])


def test_every_licence_stands_on_the_page(made):
    bill = json.loads((made / "sbom.cdx.json").read_text())
    page = (made / "licences.md").read_text()
    assert [part["name"] for part in bill["components"] if f"| {part['name']} | {part['version']} |" not in page] == []
    assert "| none |" not in page
