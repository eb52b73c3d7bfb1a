"""Formats the board for a terminal."""

from typing import Final

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from streams.playground.demo.board import Board, bits, part

TOP: Final = 12
PROBLEMS: Final = 8


def screen(board: Board, now_s: float, hint: str) -> RenderableType:
    """Return the whole view."""
    return Group(_numbers(board, now_s), _busiest(board, now_s), _problems(board), Text(hint, style="dim"))


def summary(board: Board, now_s: float) -> str:
    """Return the same in a line, for output that is no terminal."""
    top = next(iter(board.busiest(1, now_s)), None)
    busiest = f" busiest={top.device}/{top.row} {bits(max(top.bits_in_per_s, top.bits_out_per_s))}" if top else ""
    unreadable = f" unreadable={board.unreadable}" if board.unreadable else ""
    return (
        f"devices={len(board.devices)} answering={board.answering()} polls_per_s={board.polls_per_s(now_s):.1f} "
        f"gauges={board.gauges} gauges_per_s={board.gauges_per_s(now_s):.0f} "
        f"late_p99_ms={part(board.lateness_ms, 0.99) or 0:.0f} dead_letters={board.dead_letters}{unreadable}{busiest}"
    )


def _numbers(board: Board, now_s: float) -> RenderableType:
    table = Table.grid(expand=True, padding=(0, 2))
    p50, p99 = part(board.lateness_ms, 0.5), part(board.lateness_ms, 0.99)
    end_50, end_99 = part(board.end_to_end_s, 0.5), part(board.end_to_end_s, 0.99)
    cells = (
        ("devices", f"{board.answering()} of {len(board.devices)} answer"),
        ("polls", f"{board.polls_per_s(now_s):.1f}/s"),
        ("gauges", f"{board.gauges_per_s(now_s):.0f}/s, {board.gauges} in all"),
        ("polls start late by", "-" if p50 is None or p99 is None else f"{p50:.0f} ms, p99 {p99:.0f} ms"),
        ("slot to gauge", "-" if end_50 is None or end_99 is None else f"{end_50:.2f} s, p99 {end_99:.2f} s"),
        ("dead letters", f"{board.dead_letters}{f', {board.unreadable} unreadable' if board.unreadable else ''}"),
    )
    for _ in cells:
        table.add_column()
    table.add_row(*(Text(name, style="dim") for name, _ in cells))
    table.add_row(*(Text(value, style="bold") for _, value in cells))
    return Panel(table, title="panoptes", title_align="left")


def _busiest(board: Board, now_s: float) -> RenderableType:
    table = Table(expand=True, box=None, header_style="dim")
    for name, justify in (("device", "left"), ("interface", "left"), ("description", "left")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    table.add_column("in", justify="right")
    table.add_column("out", justify="right")
    for traffic in board.busiest(TOP, now_s):
        rates = (bits(traffic.bits_in_per_s), bits(traffic.bits_out_per_s))
        table.add_row(*(Text(cell) for cell in (traffic.device, traffic.row, traffic.alias, *rates)))
    return Panel(table, title="busiest interfaces", title_align="left")


def _problems(board: Board) -> RenderableType:
    problems = board.problems()
    table = Table(expand=True, box=None, show_header=False)
    for polled in problems[:PROBLEMS]:
        table.add_row(
            Text(polled.device), Text(polled.endpoint), Text(polled.outcome, style="red"), Text(polled.reason)
        )
    if len(problems) > PROBLEMS:
        table.add_row(Text(f"and {len(problems) - PROBLEMS} more"))
    if board.reasons:
        said = ", ".join(f"{reason} {count}" for reason, count in board.reasons.most_common())
        table.add_row(Text("rates absent, by reason (gauges)", style="dim"), Text(""), Text(""), Text(said))
    return Panel(table, title=f"problems: {len(problems)} devices", title_align="left")
