"""Write the goldens anew: `python -m tests.golden.devices.update`. Review the difference before it is committed."""

from pathlib import Path

from tests.golden.devices.polling import poll_lines
from tests.golden.devices.recordings import RECORDINGS, recordings_folder


def main() -> None:
    folder = recordings_folder()
    if folder is None:
        raise SystemExit("no recordings: set PANOPTES_SHARED")
    for name, profile in RECORDINGS.items():
        lines = poll_lines(folder / name / "walk.snmprec", profile)
        (Path(__file__).parent / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
