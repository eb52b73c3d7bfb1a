"""What each construct of another tool's profiles becomes here, and that what is lost is told."""

import json
import os
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from pollers.profiles.authoring.present import json_rows
from pollers.profiles.importing.folder import ENDINGS, Result, import_texts
from pollers.profiles.loading.library import build_library, read_document
from pollers.profiles.match import best_profile
from pollers.profiles.reading.collect import samples_of
from pollers.profiles.reading.plan import make_plan
from tests.unit.profiles.bench import ROOT, read, session_of

KENTIK = """\
---
extends: [system-mib.yml]
provider: kentik-thing
sysobjectid: [1.3.6.1.4.1.99999.1, 1.3.6.1.4.1.99999.2.*]
matches:
  "^special": other.yml
metrics:
  - MIB: M
    symbol: {name: cpuLoad, OID: #.3.1, tag: CPU, allow_duplicate: true, poll_time_sec: 60}
  - MIB: M
    symbol: {name: cpuLoadOld, OID: #.3.2.0, tag: CPU, allow_duplicate: true, poll_time_sec: 60}
  - MIB: M
    table: {name: poolTable, OID: #.1}
    symbols:
      - {name: poolType, OID: #.1.1.1, enum: {ram: 1, flash: 2}}
      - {name: poolUsed, OID: #.1.1.2, condition: poolType=ram}
      - {name: poolSeen, OID: #.1.1.3, conversion: to_one}
      - {name: poolText, OID: #.1.1.4, conversion: "regexp:60 Secs.*?(\\\\d+)"}
    metric_tags:
      - column: {name: poolName, OID: #.1.1.5}
      - {tag: pool_mac, column: {name: poolMac, OID: #.1.1.6, conversion: hwaddr}}
      - tag: if_name
        table: ifXTable
        column: {name: ifName, OID: #.2.1.1}
        index_transform: [{start: 0, end: 0}]
metric_tags:
  - column: {name: serial, OID: #.4.1.0}
"""
WALK = """\
#.3.2.0|2|7
#.4.1.0|4|SN1
#.1.1.1.5.1|2|1
#.1.1.1.5.2|2|2
#.1.1.2.5.1|66|100
#.1.1.2.5.2|66|200
#.1.1.3.5.1|4|anything
#.1.1.3.5.2|4|anything
#.1.1.4.5.1|4|5 Secs ( 96.3%)   60 Secs ( 62.8%)
#.1.1.4.5.2|4|60 Secs (1%)
#.1.1.5.5.1|4|main
#.1.1.5.5.2|4|boot
#.1.1.6.5.1|4x|001b00010203
#.2.1.1.5|4|Gi0/5
"""


def imported(source: str, **files: str) -> Result:
    ending = ENDINGS[source][0]
    texts = {f"{name.replace('_', '-')}{ending}": dedent(text).replace("#", ROOT) for name, text in files.items()}
    return import_texts(source, texts)


def rows_of(result: Result, name: str, walk: str) -> dict[tuple[str, str], dict[str, Any]]:
    library = build_library([read_document(text, f"{key}.yaml") for key, text in result.profiles.items()])
    assert library.problems == ()
    reading = read(library, session_of(walk), name)
    found = samples_of(make_plan(library.profiles[name]), reading.frames, reading.clock)
    return {(sample.group, row["row"]): row for sample in found for row in json_rows(name, sample)}


def test_kentiks_constructs_mean_the_same_here():
    result = imported("kentik", thing=KENTIK, other="metrics: []", system_mib="metrics: []")
    assert result.losses == []
    assert (result.files, result.good_files) == (3, 3)
    rows = rows_of(result, "kentik-thing", WALK)
    assert rows["scalars_60s", "0"]["gauges"] == {"CPU": 7}
    assert rows["scalars_60s", "0"]["dimensions"] == {"serial": "SN1", "provider": "kentik-thing"}
    main = rows["poolTable", "main"]
    assert main["states"] == {"poolType": "ram", "poolSeen": "anything"}
    assert main["gauges"] == {"poolText": 62}
    assert main["dimensions"] == {
        "poolName": "main", "pool_mac": "00:1B:00:01:02:03", "if_name": "Gi0/5", "provider": "kentik-thing",
        "serial": "SN1",
    }  # fmt: skip
    assert rows["poolTable_poolType_ram", "main"]["gauges"] == {"poolUsed": 100}
    assert ("poolTable_poolType_ram", "boot") not in rows


def test_a_redirection_by_sys_descr_fits_better_than_the_profile_that_has_it():
    result = imported("kentik", thing=KENTIK, other="metrics: []", system_mib="metrics: []")
    library = build_library([read_document(text, f"{key}.yaml") for key, text in result.profiles.items()])
    profiles = library.profiles.values()
    assert best_profile(profiles, "1.3.6.1.4.1.99999.2.5", "Special edition") == "kentik-thing-match-1"
    assert best_profile(profiles, "1.3.6.1.4.1.99999.2.5", "plain") == "kentik-thing"


@pytest.mark.parametrize(
    ("text", "loss"),
    [
        pytest.param("metrics:\n\t- {}", "tabs", id="tabs"),
        pytest.param("a: [", "no YAML", id="no-yaml"),
        pytest.param("- 1", "not a mapping", id="no-mapping"),
        pytest.param("traps: []", "traps: a section without counterpart", id="section"),
        pytest.param("sysobjectid: 1.3.6.1.4.1.9.ups", "sysobjectid: no OID", id="object-id"),
        pytest.param("extends: [gone.yml]", "kentik-gone is not among the files", id="parent"),
        pytest.param("metrics: [{MIB: M, symbol: {name: a}}]", "no OID in numbers: None", id="no-oid"),
        pytest.param(
            "metrics: [{symbol: {name: a, OID: #.1.0, conversion: 'regexp:(a+)+'}}]", "repeats inside", id="regexp"
        ),
        pytest.param("metrics: [{symbol: {name: a, OID: #.1.0, conversion: powerset_status}}]", "powerset", id="conv"),
        pytest.param("metrics: [{symbol: {name: a, OID: #.1.0, new_thing: 1}}]", "a.new_thing: a key", id="key"),
    ],
)
def test_what_of_kentiks_has_no_counterpart_is_told(text: str, loss: str):
    result = imported("kentik", f=text)
    assert any(loss in str(one) for one in result.losses), result.losses
    assert result.problems == ()


DATADOG = """\
extends: [_base.yaml]
sysobjectid: 1.3.6.1.4.1.99999.*
device: {vendor: acme}
static_tags: ["tier:1"]
metadata:
  device: {fields: {model: {value: X1}, serial_number: {symbol: {OID: #.9.0, name: s}}}}
metrics:
  - {MIB: M, symbol: {OID: #.3.1.0, name: temp, scale_factor: 0.1}}
  - MIB: M
    symbol: {OID: #.3.2.0, name: flags}
    metric_type: flag_stream
    options: {placement: 2, metric_suffix: Online}
  - MIB: M
    symbol: {OID: #.3.2.0, name: flags}
    forced_type: flag_stream
    options: {placement: 3, metric_suffix: Bypass}
  - MIB: M
    table: {OID: #.1, name: fanTable}
    forced_type: gauge
    symbols:
      - {OID: #.1.1.1, name: fan.speed, extract_value: "([0-9]+) rpm"}
      - {OID: #.1.1.2, name: fan.turns, metric_type: monotonic_count}
      - {name: fan, constant_value_one: true}
    static_tags: ["kind:fan"]
    metric_tags:
      - {tag: fan_name, symbol: {OID: #.1.1.3, name: fanName}}
      - {tag: fan_status, symbol: {OID: #.1.1.4, name: fanStatus}, mapping: {1: ok, 2: failed}}
      - {tag: slot, index: 1}
      - {symbol: {OID: #.1.1.3, name: fanName}, match: "(\\\\w+)-(\\\\w+)", tags: {side: "\\\\1", place: "\\\\2"}}
metric_tags:
  - {OID: 1.3.6.1.2.1.1.5.0, symbol: sysName, tag: snmp_host}
"""


def test_datadogs_constructs_mean_the_same_here():
    result = imported("datadog", thing=DATADOG.replace("_base", "base"), base="metrics: []")
    walk = """\
        1.3.6.1.2.1.1.5.0|4|host1
        #.3.1.0|2|215
        #.3.2.0|4|0101
        #.1.1.1.7|4|1200 rpm
        #.1.1.2.7|65|9
        #.1.1.3.7|4|left-front
        #.1.1.4.7|2|2
        """
    rows = rows_of(result, "datadog-thing", dedent(walk))
    fixed = {"tier": "1", "vendor": "acme", "model": "X1"}
    scalars = rows["scalars", "0"]
    assert scalars["gauges"] == {"temp": 21.5, "flags_Online": 1, "flags_Bypass": 0}
    assert scalars["dimensions"] == {"snmp_host": "host1", **fixed}
    fan = rows["fanTable", "left-front"]
    assert (fan["gauges"], fan["counters"]) == ({"fan_speed": 1200, "fan": 1}, {"fan_turns": 9})
    assert fan["dimensions"] == {
        "fan_name": "left-front", "fan_status": "failed", "slot": "7", "side": "left", "place": "front", "kind": "fan",
        "snmp_host": "host1", **fixed,
    }  # fmt: skip
    assert [str(loss) for loss in result.losses] == [
        "thing.yml: metadata.device.serial_number: metadata read from the device; `device-facts` has the system group"
    ]


DEVICE_TAG_WALK = "#.4.1.0|2|2\n#.1.1.1.1|2|5\n#.1.1.2.1|4|main\n#.2.1.1.1|2|6"


@pytest.mark.parametrize(
    ("source", "files"),
    [
        pytest.param(
            "kentik",
            {
                "base": "metric_tags: [{column: {name: role, OID: #.4.1.0, enum: {master: 1, slave: 2}}}]",
                "mid": "extends: [base.yml]\nmetrics: [{table: {name: fans}, symbols: [{name: v, OID: #.1.1.1}]}]",
                "thing": "extends: [mid.yml]\nmetrics: [{table: {name: pools}, symbols: [{name: v, OID: #.2.1.1}]}]",
            },
            id="kentik",
        ),
        pytest.param(
            "datadog",
            {
                "base": "metric_tags: [{symbol: {OID: #.4.1.0, name: r}, tag: role, mapping: {1: master, 2: slave}}]",
                "mid": "extends: [base.yaml]\nmetrics: [{table: {name: fans}, symbols: [{name: v, OID: #.1.1.1}]}]",
                "thing": "extends: [mid.yaml]\nmetrics: [{table: {name: pools}, symbols: [{name: v, OID: #.2.1.1}]}]",
            },
            id="datadog",
        ),
    ],
)
def test_a_devices_tags_are_on_every_row_of_whatever_extends_them(source: str, files: dict[str, str]):
    result = imported(source, **files)
    assert result.losses == []
    rows = rows_of(result, f"{source}-thing", DEVICE_TAG_WALK)
    assert {group: row["dimensions"] for (group, _), row in rows.items()} == {
        "fans": {"role": "slave"}, "pools": {"role": "slave"}
    }  # fmt: skip


@pytest.mark.parametrize(
    ("source", "text", "loss"),
    [
        pytest.param(
            "kentik", "metric_tags: [{new: 1, column: {name: a, OID: #.4.0}}]", "tags.new: a key", id="kentik-tag"
        ),
        pytest.param(
            "kentik", "metric_tags: [{column: {name: a, OID: #.4.0, new: 1}}]", "a.new: a key", id="kentik-column"
        ),
        pytest.param("datadog", "metric_tags: [{new: 1, OID: #.4.0, symbol: a}]", "a.new: a key", id="datadog-tag"),
        pytest.param(
            "datadog", "metric_tags: [{symbol: {name: a, OID: #.4.0, new: 1}}]", "a.new: a key", id="datadog-symbol"
        ),
        pytest.param(
            "kentik",
            "metrics: [{table: {name: t}, symbols: [{name: a, OID: #.1.1.1}]}]\n"
            "metric_tags: [{column: {name: a, OID: #.4.0}}]",
            "t has a a of its own",
            id="name-taken",
        ),
    ],
)
def test_what_of_a_devices_tags_has_no_counterpart_is_told(source: str, text: str, loss: str):
    result = imported(source, f=text)
    assert any(loss in str(one) for one in result.losses), result.losses
    assert result.problems == ()


EXPORTER = """\
modules:
  thing:
    walk: [#.1]
    metrics:
      - {name: load, oid: #.3.1, type: gauge, scale: 0.01}
      - name: octets
        oid: #.1.1.1
        type: counter
        indexes: [{labelname: ifIndex, type: gauge}, {labelname: peer, type: InetAddressIPv4}]
        lookups:
          - {labels: [ifIndex, peer], labelname: descr, oid: #.1.1.2, type: DisplayString}
          - {labels: [ifIndex], labelname: ifName, oid: #.2.1.1, type: DisplayString}
          - {labels: [], labelname: ifIndex}
      - name: state
        oid: #.1.1.3
        type: EnumAsStateSet
        indexes: [{labelname: ifIndex, type: gauge}, {labelname: peer, type: InetAddressIPv4}]
        enum_values: {1: up, 2: down}
      - name: quality
        oid: #.1.1.4
        type: OctetString
        indexes: [{labelname: ifIndex, type: gauge}, {labelname: peer, type: InetAddressIPv4}]
        regex_extracts: {"": [{regex: "([0-9]+)%", value: "$1"}, {regex: "none", value: "0"}]}
    auth: {community: public}
"""


def test_an_exporter_module_means_the_same_here():
    result = imported("snmp_exporter", snmp=EXPORTER)
    walk = """\
        #.3.1.0|2|150
        #.1.1.1.5.10.0.0.1|65|9
        #.1.1.2.5.10.0.0.1|4|link
        #.1.1.3.5.10.0.0.1|2|2
        #.1.1.4.5.10.0.0.1|4|87%
        #.1.1.1.5.10.0.0.2|65|8
        #.1.1.4.5.10.0.0.2|4|none
        #.2.1.1.5|4|Gi0/5
        """
    rows = rows_of(result, "exporter-thing", dedent(walk))
    assert rows["scalars", "0"]["gauges"] == {"load": 1.5}
    first, second = (row for (group, _), row in rows.items() if group != "scalars")
    assert (first["row"], first["counters"], first["states"]) == ("link", {"octets": 9}, {"state": "down"})
    assert (first["gauges"], second["gauges"]) == ({"quality": 87}, {"quality": 0})
    assert first["dimensions"] == {"descr": "link", "ifName": "Gi0/5", "peer": "10.0.0.1"}
    assert [loss.where for loss in result.losses] == ["thing.auth"]


EXPORTER_MORE = """\
modules:
  thing:
    timeout: 3s
    filters: {static: [{targets: [#.1.1.1], indices: ["1"]}]}
    metrics:
      - {name: temp, oid: #.3.1, type: gauge, scale: 0.1, offset: -3}
      - {name: turns, oid: #.3.2, type: counter, offset: 5}
      - name: peers
        oid: #.1.1.1
        type: gauge
        indexes: [{labelname: peer, type: InetAddressMissingSize}]
        lookups:
          - {labels: [peer], labelname: mid, oid: #.1.1.2, type: gauge}
          - {labels: [mid], labelname: deep, oid: #.2.1.1, type: gauge}
          - {labels: [deep], labelname: title, oid: #.2.2.1, type: DisplayString}
          - {labels: [], labelname: mid}
          - {labels: [], labelname: deep}
          - {labels: [elsewhere], labelname: gone, oid: #.2.3.1, type: DisplayString}
"""


def test_an_exporter_module_keeps_offsets_chained_lookups_and_addresses_without_a_size():
    result = imported("snmp_exporter", snmp=EXPORTER_MORE)
    walk = """\
        #.3.1.0|2|300
        #.3.2.0|65|7
        #.1.1.1.1.10.0.0.1|66|9
        #.1.1.2.1.10.0.0.1|2|5
        #.2.1.1.5|2|8
        #.2.2.1.8|4|far end
        """
    rows = rows_of(result, "exporter-thing", dedent(walk))
    assert (rows["scalars", "0"]["gauges"], rows["scalars", "0"]["counters"]) == ({"temp": 27}, {"turns": 7})
    (peer,) = (row for (group, _), row in rows.items() if group != "scalars")
    assert (peer["gauges"], peer["dimensions"]) == ({"peers": 9}, {"peer": "10.0.0.1", "title": "far end"})
    assert sorted(str(loss).removeprefix("snmp.yml: ") for loss in result.losses) == [
        "thing.filters: which rows are asked for: here every row is, and a table's `when` says which are kept",
        "thing.peers: lookup of gone by ['elsewhere'], which are no parts of the index and no earlier lookups",
        "thing.timeout: how to speak with devices is said in [snmp], not in a profile",
        "thing.turns: offset 5 of what is no gauge",
    ]


REFERENCE = {
    "enrichment": [
        {
            "data": [
                {
                    "10.0.0.1": {
                        "metrics_groups": [
                            {
                                "group_name": "cpu",
                                "dimensions": {
                                    "kind": "'data' if 'RE' in name.$index else 'ctrl'",
                                    "no": "static_one.$index",
                                },
                                "metrics": {
                                    "load": {"metric_type": "gauge", "value": "load.$index"},
                                    "hot": {
                                        "value": "int(temp.$index) * 2",
                                        "transform": "lambda x: round(x * 1.8 + 32, 2)",
                                    },
                                    "total": 4,
                                },
                            },
                            {
                                "group_name": "fans",
                                "metrics": {"ok": {"value": "len([x for x in fan.values() if x in ['2', '3']])"}},
                            },
                        ],
                        "oids": {
                            "load": {"method": "bulk_walk", "oid": f".{ROOT}.1.1.1"},
                            "temp": {"method": "bulk_walk", "oid": f".{ROOT}.1.1.2"},
                            "name": {"method": "bulk_walk", "oid": f".{ROOT}.1.1.3"},
                            "fan": {"method": "bulk_walk", "oid": f".{ROOT}.2.1.1"},
                            "static_one": {"method": "static", "values": {"1": "Module 1"}},
                        },
                    }
                }
            ]
        }
    ]
}


def test_the_reference_systems_texts_are_translated_and_never_run():
    result = imported("panoptes", device=json.dumps(REFERENCE))
    walk = "#.1.1.1.1|66|6\n#.1.1.2.1|2|10\n#.1.1.3.1|4|RE 0\n#.2.1.1.1|2|2\n#.2.1.1.2|2|4\n#.2.1.1.3|2|3"
    rows = rows_of(result, "panoptes-device", walk)
    assert rows["cpu", "1"]["gauges"] == {"load": 6, "hot": 68}
    assert rows["cpu", "1"]["dimensions"] == {"kind": "data"}
    assert rows["fans", "0"]["gauges"] == {"ok": 2}
    assert sorted(loss.where.rpartition(".")[2] for loss in result.losses) == ["no", "total"]


LIBRENMS = {
    "os_detection/thing.yaml": """\
    os: thing
    discovery:
        - sysObjectID: [.#.1, .#.2.]
          sysDescr_regex: ['/^Thing/', '/thing os/i']
        - sysObjectID: .#.1
          snmpget: {oid: THING-MIB::model.0, op: '=', value: x}
    """,
    "os_discovery/thing.yaml": """\
    modules:
        os: {version: THING-MIB::version.0}
        processors:
            data:
                - {oid: THING-MIB::idle, num_oid: '.#.3.1.{{ $index }}', precision: -10, descr: CPU}
        mempools:
            data:
                - {percent_used: .#.3.2.0, descr: RAM}
                - {total: THING-MIB::total, used: THING-MIB::used}
        sensors:
            temperature:
                options: {skip_values: [0, 255], divisor: 10}
                data:
                    - {oid: THING-MIB::t, value: M::temp, num_oid: '.#.4.1.2.{{ $index }}', descr: M::name}
                    - {oid: THING-MIB::f, num_oid: '.#.4.2{{ $noindex }}', descr: In, user_func: fahrenheit_to_celsius}
                    - oid: THING-MIB::any
                      num_oid: '.#.4.9.{{ $index }}'
                      skip_values: [{oid: THING-MIB::kind, op: '!=', value: celsius}]
                    - {oid: THING-MIB::w, num_oid: '.#.4.8.{{ $index }}', user_func: mw_to_dbm}
                    - {oid: THING-MIB::nowhere, num_oid: 'THING-MIB::x.{{ $index }}'}
            state:
                data:
                    - oid: THING-MIB::door
                      num_oid: .#.5.0
                      descr: Door
                      states: [{value: 1, generic: 0, descr: closed}, {value: 2, generic: 2, descr: off}]
    """,
}


def test_librenms_definitions_give_what_they_have_numbers_for():
    result = import_texts("librenms", {file: dedent(text).replace("#", ROOT) for file, text in LIBRENMS.items()})
    walk = "#.3.1.7|2|930\n#.3.2.0|2|41\n#.4.1.2.1|2|215\n#.4.1.2.2|2|255\n#.4.2|2|770\n#.4.9.1|2|5\n#.5.0|2|2\n"
    rows = rows_of(result, "librenms-thing", walk.replace("#", ROOT))
    assert {key: {**row["gauges"], **row["states"]} for key, row in rows.items()} == {
        ("cpu", "CPU 7"): {"cpu_utilization": 7},
        ("memory", "RAM"): {"memory_utilization": 41},
        ("temperature", "1"): {"temperature": 21.5},
        ("librenms_temperature", "In"): {"temperature": 25},
        ("librenms_state", "Door"): {"state": "off"},
    }
    assert sorted(loss.where for loss in result.losses) == [
        "discovery[1]",
        "modules.mempools[1]",
        "modules.os",
        "modules.sensors.temperature[0].descr",
        "modules.sensors.temperature[2].skip_values",
        "modules.sensors.temperature[3]",
        "modules.sensors.temperature[4]",
    ]
    library = build_library([read_document(text, f"{key}.yaml") for key, text in result.profiles.items()])
    assert best_profile(library.profiles.values(), f"{ROOT}.2.7", "A Thing OS") == "librenms-thing"
    assert best_profile(library.profiles.values(), f"{ROOT}.1", "Something") is None


@pytest.mark.parametrize("text", ["- 1\n", "a: b\n", "a: [\n"])
def test_what_is_no_definition_of_librenms_is_told(text: str):
    result = import_texts("librenms", {"x.yaml": text})
    assert (result.profiles, [loss.where for loss in result.losses]) == ({}, ["file"])


SAMPLES = Path(os.environ.get("PANOPTES_SHARED") or Path(__file__).parents[4] / "shared") / "profiles"


@pytest.mark.parametrize(("source", "folder"), [("kentik", "kentik"), ("snmp_exporter", "snmp_exporter")])
def test_real_libraries_are_imported_whole(source: str, folder: str):
    if not (SAMPLES / folder).is_dir():
        reason = f"no {folder} profiles: set PANOPTES_SHARED to the folder that holds profiles/"
        if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
            pytest.fail(reason)
        pytest.skip(reason)
    files = [path for path in (SAMPLES / folder).rglob("*") if path.suffix in ENDINGS[source]]
    result = import_texts(source, {str(path.relative_to(SAMPLES / folder)): path.read_text() for path in files})
    assert result.problems == ()
    assert result.good_files == result.files == len(files)
