"""A bar chart as SVG, from figures."""

from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

_LEFT, _WIDTH, _BAR, _GAP, _TOP = 250, 760, 24, 12, 46
_OURS, _THEIRS = "#2a78b8", "#9aa5ad"
_FONT: Final = 'font-family="Helvetica, Arial, sans-serif"'


def bars(title: str, rows: Sequence[tuple[str, float, bool]], unit: str) -> str:
    """Return the picture: (label, value, whether it is ours)."""
    height = _TOP + len(rows) * (_BAR + _GAP) + 16
    most = max(value for _, value, _ in rows)
    room = _WIDTH - _LEFT - 110
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="16" y="27" {_FONT} font-size="16" fill="#1d2429">{escape(title)}</text>',
    ]
    for number, (label, value, ours) in enumerate(rows):
        y = _TOP + number * (_BAR + _GAP)
        length = max(2.0, room * value / most)
        parts += [
            _text(_LEFT - 10, y + 17, label, "end"),
            f'<rect x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_BAR}" fill="{_OURS if ours else _THEIRS}"/>',
            _text(_LEFT + length + 8, y + 17, f"{value:.2f} {unit}", "start"),
        ]
    return "\n".join([*parts, "</svg>", ""])


def _text(x: float, y: float, text: str, anchor: str) -> str:
    style = f'{_FONT} font-size="13" fill="#1d2429" text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y}" {style}>{escape(text)}</text>'
