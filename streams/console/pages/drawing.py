"""Renders pages from templates. Everything is escaped; scripts come from our own files alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from schemas.records import Outcome
from streams.console.models.states import of_outcome
from streams.console.pages.forms import MISSING, moment, quantity, safe, share
from streams.gauges.reasons import DOUBT_SEPARATOR, EXPLAINED

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"
NAVIGATION: Final = (
    ("/", "Overview"),
    ("/devices", "Devices"),
    ("/map", "Map"),
    ("/slots", "Slots"),
    ("/topics", "Topics"),
    ("/profiles", "Profiles"),
)
HEADERS: Final = {
    # ECharts and its tooltips set styles on elements, so styles may stand there; scripts may not
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Pages:
    """The Jinja2 templates."""

    def __init__(self) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            auto_reload=False,
        )
        self._templates.filters |= {
            "moment": moment,
            "quantity": quantity,
            "share": share,
            "safe_text": safe,
            "seconds": lambda seconds: MISSING if seconds is None else f"{seconds:.3f} s",
            "or_dash": lambda number: MISSING if number is None else number,
            "outcome": lambda outcome: str(of_outcome(Outcome(outcome))),
            "explained": lambda words: "; ".join(EXPLAINED.get(word, word) for word in words.split(DOUBT_SEPARATOR)),
        }
        for name in self._templates.list_templates():  # now, so that no event loop waits for a disk
            self._templates.get_template(name)
        self._has_vendor = (STATIC / "vendor" / "htmx.min.js").is_file()

    def page(self, name: str, path: str, filling: Mapping[str, object], status: int = 200) -> HTMLResponse:
        """Render a page as a response."""
        common = {"navigation": NAVIGATION, "path": path, "has_vendor": self._has_vendor, "stale": (), "q": ""}
        common |= {"store_away_since_ms": None}
        common |= {"user": "", "can_leave": False}
        text = self._templates.get_template(name).render(common | dict(filling))
        return HTMLResponse(text, status, HEADERS)
