"""`panoptes profile coverage`: one recording after the other, what is found on each and on all."""

import json
from pathlib import Path

from click.testing import CliRunner

from streams.cli.devices.profile import command

SYSTEM = "1.3.6.1.2.1.1.2.0|6|"
INTERFACE = "1.3.6.1.2.1.2.2.1.10.1|65|100\n"
CPU = "1.3.6.1.2.1.25.3.3.1.2.1|2|7\n"


def run(folder: Path, *options: str):
    return CliRunner().invoke(command, ["coverage", str(folder), *options])


def write(folder: Path, recordings: dict[str, str]) -> None:
    for name, text in recordings.items():
        (folder / f"{name}.snmprec").write_text(text)


def test_every_recording_is_counted_by_what_is_found_on_it(tmp_path: Path):
    write(
        tmp_path,
        {
            "a-plain": f"{SYSTEM}1.3.6.1.4.1.99999.1\n{INTERFACE}",
            "b-palo": f"{SYSTEM}1.3.6.1.4.1.25461.2.3.1\n{INTERFACE}{CPU}1.3.6.1.2.1.25.3.3.1.2.2|2|255\n",
            "c-none": f"{SYSTEM}1.3.6.1.4.1.99999.1\n1.3.6.1.2.1.1.5.0|4|name\nnot a line\n",
            "d-refused": "nothing\nof it\ncan be read\n",
        },
    )
    done = run(tmp_path)
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        "recordings: 4", "refused: 1", "no rows: 1", "interfaces only: 1", "more than interfaces: 1",
        "vendor's profile: 1", "cpu: 1", "memory: 0", "temperature: 0", "implausible values: 1",
    ]  # fmt: skip
    lines = done.stdout.splitlines()
    assert "a-plain.snmprec: if-mib (1.3.6.1.4.1.99999.1, no vendor's profile fits), 1 rows" in lines
    assert "    implausible: cpu.cpu_utilization" in lines
    assert "    1 lines left out" in lines


def test_one_without_a_sys_object_id_is_polled_by_the_profile_that_finds_most(tmp_path: Path):
    write(tmp_path, {"a": "1.3.6.1.4.1.25461.2.1.2.3.3.0|2|12\n"})
    done = run(tmp_path, "--json")
    (found,) = map(json.loads, done.stdout.splitlines())
    assert (done.exit_code, found["profile"], found["groups"]) == (0, "paloalto", ["firewall_session_total"])
