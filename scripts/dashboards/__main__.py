"""Write deploy/grafana/*.json anew: `make dashboards`."""

from pathlib import Path
from typing import Final

from scripts.dashboards.boards import boards, written

FOLDER: Final = Path(__file__).parents[2] / "deploy" / "grafana"

for name, board in boards().items():
    (FOLDER / name).write_text(written(board), encoding="utf-8")
