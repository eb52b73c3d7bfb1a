"""What each part of the format does, in profiles of a few lines."""

import pytest

from tests.unit.profiles.bench import ROOT, library_of, problems, rows, samples

CPU = """\
    profile: p
    tables:
      cpu:
        row: [name]
        columns:
          busy: {oid: #.1.1.1, unit: percent}
          physical: {oid: #.1.1.2, use: reference}
        join: {entity: {"on": physical}}
        tags: {name: entity.name}
      entity: {columns: {name: {oid: #.2.1.1, use: tag, refresh: 30m}}}
    computed:
      cpu.idle: {expr: "100 - busy", unit: percent}
    emit: {cpu: cpu}
"""


def test_a_table_is_joined_by_a_value_and_computed_on():
    found = rows(CPU, "#.1.1.1.1|66|40\n#.1.1.2.1|2|7\n#.2.1.1.7|4|Slot 7\n#.2.1.1.8|4|Slot 8")
    assert [(row["row"], row["dimensions"], row["gauges"]) for row in found] == [
        ("Slot 7", {"name": "Slot 7"}, {"busy": 40, "idle": 60})
    ]


def test_a_row_that_joins_nothing_keeps_its_numbers_and_says_why_it_has_no_name():
    (row,) = rows(CPU, "#.1.1.1.1|66|0\n#.1.1.2.1|2|9\n#.2.1.1.7|4|Slot 7")
    assert (row["row"], row["gauges"]) == ("#1", {"busy": 0, "idle": 100})


@pytest.mark.parametrize(
    ("join", "index"),
    [
        pytest.param("'on': [{slice: [1, 1]}]", "5.7", id="slice"),
        pytest.param("'on': [{slice: [-1, -1]}]", "5.7", id="slice-from-the-end"),
        pytest.param("'on': [part]", "5.7", id="index-part"),
        pytest.param("'on': [part], to: number", "5.9", id="value-column"),
    ],
)
def test_a_join_goes_by_index_slice_part_or_value(join: str, index: str):
    profile = f"""\
    profile: p
    tables:
      t:
        index: [{{name: other}}, {{name: part, use: reference}}]
        columns: {{v: {{oid: #.1.1.1}}}}
        join: {{names: {{{join}}}}}
        tags: {{name: names.text}}
      names: {{columns: {{text: {{oid: #.2.1.1, use: tag}}, number: {{oid: #.2.1.2, use: reference}}}}}}
    emit: {{g: t}}
    """
    (row,) = rows(profile, f"#.1.1.1.{index}|2|1\n#.2.1.1.7|4|seven\n#.2.1.2.7|2|9")
    assert row["dimensions"] == {"other": "5", "name": "seven"}


@pytest.mark.parametrize(
    ("index", "part", "value"),
    [
        pytest.param("7", "type: integer", "7", id="integer"),
        pytest.param("2.97.98", "type: string", "ab", id="counted-string"),
        pytest.param("97.98", "type: string, implied: true", "ab", id="implied-string"),
        pytest.param("97.98", "type: string, length: 2", "ab", id="fixed-string"),
        pytest.param("10.0.0.1", "type: ip", "10.0.0.1", id="ip"),
        pytest.param("0.27.0.1.2.255", "type: mac", "00:1B:00:01:02:FF", id="mac"),
        pytest.param("1.4.10.0.0.1", "type: inet", "10.0.0.1", id="inet-v4"),
        pytest.param("2.16." + ".".join("0" * 15) + ".1", "type: inet", "::1", id="inet-v6"),
        pytest.param("3.8.10.0.0.1.0.0.0.5", "type: inet", "10.0.0.1%5", id="inet-v4-zone"),
        pytest.param("16.3.97.98.99", "type: inet", "abc", id="inet-dns"),
        pytest.param("1.10.0.0.1", "type: inet_uncounted", "10.0.0.1", id="inet-uncounted"),
        pytest.param("3.1.3.6", "type: oid", "1.3.6", id="counted-oid"),
        pytest.param("1", "type: integer, enum: {1: ipv4}", "ipv4", id="enum"),
    ],
)
def test_an_index_is_split_by_type(index: str, part: str, value: str):
    profile = f"""\
    profile: p
    tables: {{t: {{index: [{{name: key, {part}}}], columns: {{v: {{oid: #.1.1.1}}}}}}}}
    emit: {{g: t}}
    """
    (row,) = rows(profile, f"#.1.1.1.{index}|2|1")
    assert row["dimensions"] == {"key": value}


@pytest.mark.parametrize("index", ["5.97", "1.97.98", "1.300"], ids=["too-short", "left-over", "no-octet"])
def test_an_index_that_does_not_parse_costs_only_its_row_the_name(index: str):
    profile = """\
    profile: p
    tables: {t: {index: [{name: key, type: string}], columns: {v: {oid: #.1.1.1}}}}
    emit: {g: t}
    """
    found = rows(profile, f"#.1.1.1.1.98|2|1\n#.1.1.1.{index}|2|2")
    bad = next(row for row in found if row["row"] == index)
    assert len(found) == 2
    assert (bad["gauges"], bad["missing"], bad["dimensions"]) == ({"v": 2}, {"key": "bad-index"}, {})


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        pytest.param("scale: 0.1", "2|215", 21.5, id="scale"),
        pytest.param("as: number", "4|12.5", 12.5, id="number-as-text"),
        pytest.param('extract: "([0-9.]{1,9})"', "4|45.25 degrees Celsius", 45.25, id="number-in-text"),
        pytest.param("as: int_big_endian", "4x|0102", 258, id="big-endian"),
        pytest.param("as: int_little_endian", "4x|0102", 513, id="little-endian"),
        pytest.param("as: presence", "4|anything", 1, id="presence"),
        pytest.param("as: last_arc", "6|1.3.6.1.2.1.25.2.1.4", 4, id="last-arc"),
        pytest.param("enum: {a: 1, b: 2}, use: gauge", "4|b", 2, id="text-to-number"),
        pytest.param("unit: s", "66|0", 0, id="zero-is-a-value"),
        pytest.param("unit: s", "120|1.5", 1.5, id="opaque-float"),
    ],
)
def test_a_gauge_is_read_as_its_column_says(column: str, cell: str, value: float):
    profile = f"profile: p\ntables: {{t: {{columns: {{v: {{oid: #.1.1.1, {column}}}}}}}}}\nemit: {{g: t}}"
    (row,) = rows(profile, f"#.1.1.1.1|{cell}")
    assert row["gauges"] == {"v": value}


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        pytest.param("as: mac", "4x|001b000102ff", "00:1B:00:01:02:FF", id="mac"),
        pytest.param("as: mac", "4|0:1e:bd:7:a0:f", "00:1E:BD:07:A0:0F", id="mac-as-text"),
        pytest.param("as: mac", "4|001e-bd07-a00f", None, id="mac-of-other-groups"),
        pytest.param("as: mac", "4|00 1E BD 07 A0 0F ", "00:1E:BD:07:A0:0F", id="mac-as-text-with-spaces"),
        pytest.param("as: mac", "4|0:1:2:", "30:3A:31:3A:32:3A", id="mac-whose-octets-are-letters"),
        pytest.param("as: mac", "4x|0a000001", "0A:00:00:01", id="address-of-a-tunnel"),
        pytest.param("as: mac", "4|none at all", None, id="no-mac"),
        pytest.param("as: ip", "4x|0a000001", "10.0.0.1", id="ip-from-octets"),
        pytest.param("as: ip", "64|10.0.0.1", "10.0.0.1", id="ip-address"),
        pytest.param("as: hex", "4x|00ff", "00ff", id="hex"),
        pytest.param("as: text", "4x|c3a9e282ac0000", "é€", id="utf-8-without-padding"),
        pytest.param("as: auto", "4x|0001fe", "0001fe", id="octets-that-are-no-text"),
        pytest.param("as: date_and_time", "4x|07e8051e0d0e0f052b0200", "2024-05-30T13:14:15.5+02:00", id="date"),
        pytest.param("enum: {1: up, 2: off}", "2|2", "off", id="enum"),
        pytest.param("enum: {1: up}", "2|3", "3", id="enum-unknown"),
        pytest.param('extract: {pattern: "(.)-(.)", template: "$2/$1"}', "4|a-b", "b/a", id="template"),
    ],
)
def test_a_tag_is_read_as_its_column_says(column: str, cell: str, value: str | None):
    profile = f"""\
    profile: p
    tables: {{t: {{columns: {{v: {{oid: #.1.1.1, use: tag, {column}}}, n: {{oid: #.1.1.2}}}}}}}}
    emit: {{g: t}}
    """
    (row,) = rows(profile, f"#.1.1.1.1|{cell}\n#.1.1.2.1|2|1")
    assert (row["dimensions"], row["missing"]) == (({"v": value}, {}) if value else ({}, {"v": "wrong-type"}))


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        pytest.param("unit: s", "4|text", "wrong-type", id="text-for-a-number"),
        pytest.param("use: counter", "4|text", "wrong-type", id="text-for-a-counter"),
        pytest.param("use: counter", "2|-5", "wrong-type", id="negative-counter"),
        pytest.param('extract: "([0-9]{1,3})"', "4|none", "no-match", id="pattern-without-match"),
        pytest.param("as: number", "4|nan", "not-a-number", id="nan"),
    ],
)
def test_nonsense_costs_its_cell_and_says_why(column: str, cell: str, reason: str):
    profile = f"profile: p\ntables: {{t: {{columns: {{v: {{oid: #.1.1.1, {column}}}}}}}}}\nemit: {{g: t}}"
    found = rows(profile, f"#.1.1.1.1|{cell}\n#.1.1.1.2|65|8")
    assert found[0]["missing"] == {"v": reason}
    assert found[1]["missing"] == {}


def test_the_first_source_that_answers_counts_row_by_row():
    profile = """\
    profile: p
    tables: {t: {columns: {c: {use: counter, unit: octets, first_of: [#.1.1.1, #.1.1.2]}}}}
    emit: {g: t}
    """
    (sample,) = samples(profile, "#.1.1.1.1|70|5\n#.1.1.2.1|65|6\n#.1.1.2.2|65|7")
    (counter,) = sample.counters
    assert (counter.values, counter.width, counter.rows_32) == ([5, 7], 64, [1])


@pytest.mark.parametrize("use", ["gauge", "counter"])
@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        pytest.param("4|abc", None, "wrong-type", id="nothing-behind-it"),
        pytest.param(None, "4|abc", "wrong-type", id="nothing-before-it"),
        pytest.param("4|abc", "129|", "wrong-type", id="not-in-the-view-behind-it"),
        pytest.param("129|", "4|abc", "wrong-type", id="not-in-the-view-before-it"),
        pytest.param("129|", None, "no-such-instance", id="said-so-before-silence"),
        pytest.param("4|abc", "2|7", None, id="a-value"),
    ],
)
def test_a_first_of_without_a_value_says_the_reason_that_tells_most(
    use: str, first: str | None, second: str | None, reason: str | None
):
    profile = f"""\
    profile: p
    tables: {{t: {{columns: {{c: {{use: {use}, first_of: [#.1.1.1, #.1.1.2]}}}}}}}}
    emit: {{g: t}}
    """
    cells = [f"#.1.1.{column}.1|{cell}" for column, cell in ((1, first), (2, second)) if cell]
    found = rows(profile, "\n".join(["#.1.1.1.2|65|1", "#.1.1.2.2|65|1", *cells]))
    assert found[0]["missing"] == ({"c": reason} if reason else {})


def test_a_width_that_the_profile_gives_beats_the_wire():
    profile = "profile: p\ntables: {t: {columns: {c: {use: counter, width: 32, oid: #.1.1.1}}}}\nemit: {g: t}"
    (sample,) = samples(profile, "#.1.1.1.1|70|5")
    assert sample.counters[0].width == 32


def test_auto_is_a_counter_where_the_device_sends_one():
    profile = """\
    profile: p
    tables: {t: {columns: {a: {use: auto, oid: #.1.1.1}, b: {use: auto, oid: #.1.1.2}}}}
    emit: {g: t}
    """
    (row,) = rows(profile, "#.1.1.1.1|65|5\n#.1.1.2.1|66|6")
    assert (row["counters"], row["gauges"]) == ({"a": 5}, {"b": 6})


def test_a_text_does_not_grow_without_bound():
    profile = """\
    profile: p
    tables:
      t:
        columns: {v: {oid: #.1.1.1}, text: {oid: #.1.1.2, use: reference}}
        tags: {twice: "concat(text, text)"}
    emit: {g: t}
    """
    short, long = rows(profile, f"#.1.1.1.1|2|1\n#.1.1.1.2|2|1\n#.1.1.2.1|4|ab\n#.1.1.2.2|4|{'a' * 2_049}")
    assert (short["dimensions"], short["missing"]) == ({"twice": "abab"}, {})
    assert (long["dimensions"], long["missing"]) == ({}, {"twice": "too-long"})


def test_rows_are_filtered_and_counted_by_what_the_filter_leaves():
    profile = """\
    profile: p
    scalars: {sum: {}}
    tables:
      fan:
        when: "kind == 7"
        columns: {state: {oid: #.1.1.1, enum: {1: ok, 2: bad}}, kind: {oid: #.1.1.2, use: reference}}
    computed:
      sum.total: "count(fan.index)"
      sum.good: "count(fan.state == 'ok')"
    emit: {fan: fan, sum: sum}
    """
    lines = "#.1.1.1.1|2|1\n#.1.1.1.2|2|2\n#.1.1.1.3|2|1\n#.1.1.2.1|2|7\n#.1.1.2.2|2|7\n#.1.1.2.3|2|1"
    found = rows(profile, lines)
    assert [(row["row"], row["states"]) for row in found if row["group"] == "fan"] == [
        ("1", {"state": "ok"}),
        ("2", {"state": "bad"}),
    ]
    assert next(row["gauges"] for row in found if row["group"] == "sum") == {"total": 2, "good": 1}


def test_scalars_are_one_row_and_may_be_names_in_tables():
    profile = """\
    profile: p
    static_tags: {vendor: acme}
    scalars: {s: {columns: {used: {oid: #.3.1.0, unit: bytes}, site: {oid: #.3.2.0, use: tag}}}}
    tables: {t: {columns: {v: {oid: #.1.1.1}}, tags: {site: s.site}}}
    emit: {memory: s, t: t}
    """
    memory, table = rows(profile, "#.3.1.0|2|0\n#.3.2.0|4|here\n#.1.1.1.4|2|1")
    assert (memory["row"], memory["gauges"], memory["dimensions"]) == (
        "0",
        {"used": 0},
        {"site": "here", "vendor": "acme"},
    )
    assert table["dimensions"] == {"site": "here", "vendor": "acme"}


def test_scalars_that_a_device_lacks_make_no_row():
    assert rows("profile: p\nscalars: {s: {columns: {v: {oid: #.3.1.0}}}}\nemit: {g: s}", "#.9.9.0|2|1") == []


def test_names_that_repeat_or_are_blank_get_the_index():
    profile = """\
    profile: p
    tables:
      t:
        row: [name, other]
        columns: {v: {oid: #.1.1.1}, name: {oid: #.1.1.2, use: tag}, other: {oid: #.1.1.3, use: tag}}
    emit: {g: t}
    """
    lines = [f"#.1.1.1.{number}|2|{number}" for number in range(1, 6)]
    lines += ["#.1.1.2.1|4|a", "#.1.1.2.2|4|a", "#.1.1.2.3|4|", "#.1.1.3.4|4|d", "#.1.1.2.5|4|e"]
    assert [row["row"] for row in rows(profile, "\n".join(lines))] == ["a#1", "a#2", "#3", "d", "e"]


def test_a_group_takes_the_first_table_that_has_rows():
    profile = """\
    profile: p
    tables: {new: {columns: {v: {oid: #.1.1.1}}}, old: {columns: {v: {oid: #.2.1.1}}}}
    emit: {g: {first_of: [new, old]}}
    """
    assert [row["gauges"] for row in rows(profile, "#.1.1.1.1|2|1\n#.2.1.1.1|2|2")] == [{"v": 1}]
    assert [row["gauges"] for row in rows(profile, "#.2.1.1.1|2|2")] == [{"v": 2}]


@pytest.mark.parametrize(
    ("walk", "expected"),
    [
        pytest.param("#.1.1.0|2|1\n#.2.1.1.1|2|2", {"0": {"v": 1}}, id="the-set"),
        pytest.param("#.2.1.1.1|2|2", {"1": {"v": 2}}, id="the-table-where-the-set-is-not-there"),
        pytest.param("#.2.1.2.1|4|a\n#.3.1.0|2|3", {"0": {"v": 3}}, id="the-next-where-the-table-has-names-alone"),
        pytest.param("#.2.1.2.1|4|a", {"1": {}}, id="names-alone-where-there-is-nothing-else"),
    ],
)
def test_a_group_takes_the_first_table_or_set_that_says_something(walk: str, expected: dict[str, dict[str, float]]):
    profile = """\
    profile: p
    scalars: {set: {columns: {v: {oid: #.1.1.0}}}, last: {columns: {v: {oid: #.3.1.0}}}}
    tables: {table: {columns: {v: {oid: #.2.1.1}, name: {use: tag, oid: #.2.1.2}}}}
    emit: {g: {first_of: [set, table, last]}}
    """
    assert {row["row"]: row["gauges"] for row in rows(profile, walk)} == expected


def test_a_group_of_several_tables_says_which_columns_are_of_the_others():
    profile = """\
    profile: p
    tables: {a: {columns: {v: {oid: #.1.1.1}}}, b: {columns: {w: {oid: #.2.1.1, use: counter}}}}
    emit: {g: [a, b]}
    """
    first, second = rows(profile, "#.1.1.1.1|2|1\n#.2.1.1.1|65|2")
    assert (first["row"], first["gauges"], first["missing"]) == ("1@1", {"v": 1}, {"w": "other-table"})
    assert (second["row"], second["counters"], second["missing"]) == ("1@2", {"w": 2}, {"v": "other-table"})


def test_a_profile_takes_over_what_it_extends_and_may_take_entries_away():
    base = """\
    profile: base
    static_tags: {a: "1"}
    tables: {t: {columns: {v: {oid: #.1.1.1, unit: s}, w: {oid: #.1.1.2}}}}
    emit: {g: t, h: t}
    """
    child = """\
    profile: p
    extends: [base]
    tables: {t: {columns: {v: {oid: #.1.1.3, unit: A}, w: null}}}
    emit: {h: null}
    """
    assert problems(base, child) == []
    profile = library_of(base.replace("#", ROOT), child.replace("#", ROOT)).profiles["p"]
    assert list(profile.groups) == ["g"]
    assert {name: column.unit for name, column in profile.tables["t"].columns.items()} == {"v": "A"}
    assert profile.static_tags == {"a": "1"}
    assert profile.match is None
