"""The pages of commands and topics are what the code says, and name all of it."""

from pathlib import Path
from typing import Final

import pytest

from streams.cli import COMMANDS, main
from streams.cli.operating.reference import commands, topics
from streams.pipeline import CHANGELOGS, TOPICS

DOCS: Final = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize(("page", "made"), [("cli.md", lambda: commands(main)), ("topics.md", topics)])
def test_a_page_is_as_the_code_writes_it(page, made):
    assert (DOCS / page).read_text(encoding="utf-8") == made(), "run: panoptes config docs"


def test_every_command_and_its_options_stand_there():
    text = commands(main)
    assert [name for name in COMMANDS if f"\n## panoptes {name}\n" not in text] == []
    assert "### panoptes secrets set\n" in text
    assert "| `--timeout FLOAT RANGE` | Seconds that a service may take" in text


def test_every_topic_and_table_stands_there():
    text = topics()
    assert [topic for topic in TOPICS if f"| `{topic}` |" not in text] == []
    assert [log.table for log in CHANGELOGS.values() if f"{log.table}-changelog" not in text] == []
