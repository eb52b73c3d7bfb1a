"""What the settings say to the fold."""

from pathlib import Path

import pytest

from streams.gauges.rules import rules_of
from streams.runtime.settings.loading import Settings, SettingsError, load

SHARES = "[transform:shares]\nplugin = derived\ngroup = interface\n"


def settings(folder: Path, text: str) -> Settings:
    path = folder / "panoptes.ini"
    path.write_text(text)
    return load(path, {})


def test_limits_and_the_values_of_every_derived_section_are_the_rules(tmp_path):
    values = "bits = octets_in * 8\nbits.unit = bits/s\nu = utilisation octets_in\n"
    rules = rules_of(settings(tmp_path, f"[gauges]\nline_rate_margin = 2\n{SHARES}{values}"))
    assert rules.limits.line_rate_margin == 2.0
    assert [(each.group, each.name, each.unit) for each in rules.derived] == [
        ("interface", "bits", "bits/s"),
        ("interface", "u", "1"),
    ]


def test_a_wrong_declaration_is_named_with_its_line(tmp_path):
    with pytest.raises(SettingsError, match=r"panoptes.ini:4: \[transform:shares\] u: .*not the end"):
        rules_of(settings(tmp_path, f"{SHARES}u = octets_in /\n"))
