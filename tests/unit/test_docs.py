"""What the README and docs/ point at is there, and what they say of the map is the map."""

import re
from pathlib import Path
from typing import Final

import pytest

from streams.pipeline import STAGES, TOPICS

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = sorted(
    path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
)
_LINK: Final = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_CODE: Final = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_NOT_A_WORD: Final = re.compile(r"[^\w\- ]")
#: where a page names a file of the repository in passing
_FILE: Final = re.compile(r"`((?:streams|pollers|schemas|tests|docs|examples|scripts)/[\w./-]+\.\w+)`")


def anchors(text: str) -> set[str]:
    """Return what a heading can be linked to by, as GitHub makes it."""
    headings = re.findall(r"^#+ +(.+?) *$", _CODE.sub("", text), re.MULTILINE)
    return {_NOT_A_WORD.sub("", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: str, text: str) -> list[str]:
    """Return the links to files or headings that are not there; addresses on the web are left alone."""
    found: list[str] = []
    for link in _LINK.findall(_CODE.sub("", text)):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (ROOT / page).parent / path if path else ROOT / page
        if not target.exists():
            found.append(f"{page}: {link}")
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text(encoding="utf-8")):
            found.append(f"{page}: {link} (no such heading)")
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    assert broken(page, (ROOT / page).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_is_there(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert [name for name in _FILE.findall(text) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("[a](README.md)", 0, id="a-file"),
        pytest.param("[a](nowhere.md)", 1, id="no-file"),
        pytest.param("[a](README.md#try-it)", 0, id="a-heading"),
        pytest.param("[a](README.md#nothing)", 1, id="no-heading"),
        pytest.param("[a](https://example.net/nowhere.md)", 0, id="the-web"),
        pytest.param("```\n[a](nowhere.md)\n```", 0, id="code"),
    ],
)
def test_broken_links_are_found(text, expected):
    assert len(broken("README.md", text)) == expected


def test_the_design_page_names_every_stage_and_topic():
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    unnamed = [str(topic) for topic in TOPICS if f"`{topic}`" not in page]
    unnamed += [stage.name for stage in STAGES if not re.search(rf"^\| {stage.name} \|", page, re.MULTILINE)]
    assert unnamed == []


def test_the_readme_names_every_stage():
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [stage.name for stage in STAGES if stage.name not in page] == []


def test_every_make_target_that_a_page_names_is_there():
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        (page, target)
        for page in PAGES
        for target in re.findall(r"`make ([a-z][\w-]*)[^`]*`", (ROOT / page).read_text(encoding="utf-8"))
    }
    assert [f"{page}: make {target}" for page, target in sorted(named) if target not in targets] == []
