"""What MkDocs does not know of this repository: links to files beside docs/ are names of files on the site."""

import re
from typing import Any, Final

_OUTSIDE: Final = re.compile(r"\[([^\]\n]*)\]\((?:\.\./)+(?!\.\./)(?P<path>[^)\s#]+)(?:#[^)\s]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, **_others: Any) -> str:
    """Return the page with `[text](../file)` as `text (file)`, where that leads out of docs/."""
    depth = page.file.src_uri.count("/")

    def plain(match: re.Match[str]) -> str:
        ups = match[0].partition("](")[2].count("../")
        return match[0] if ups <= depth else f"{match[1]} (`{match['path']}`)"

    return _OUTSIDE.sub(plain, markdown)
