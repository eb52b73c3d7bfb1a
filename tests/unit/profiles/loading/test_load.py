"""A profile that cannot be used is refused with file, line, key and what was expected; all of it at once."""

from textwrap import dedent

import pytest

from pollers.profiles.loading.library import read_document
from pollers.profiles.place import ProfileError
from pollers.profiles.reading.plan import make_plan
from tests.unit.profiles.bench import ROOT, library_of, problems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("profile: p\nunknown: 1", "p0.yaml:2: unknown: expected one of the keys", id="unknown-key"),
        pytest.param(
            "profile: p\nformat: 2", "p0.yaml:2: format: expected a whole number from 1 to 1", id="newer-format"
        ),
        pytest.param("profile: p\ninterval: soon", "p0.yaml:2: interval: expected a duration", id="duration"),
        pytest.param(
            "profile: p\nextends: [q]", "p0.yaml:2: extends: expected a profile that exists, not 'q'", id="no-parent"
        ),
        pytest.param("profile: p\nextends: [p]", "p0.yaml:1: extends: expected no circle", id="extends-itself"),
        pytest.param(
            "profile: p\nmatch: {}", "p0.yaml:2: match: expected sys_object_id or sys_descr", id="empty-match"
        ),
        pytest.param(
            "profile: p\nmatch: {sys_object_id: [x]}", "match.sys_object_id: expected an OID", id="bad-object-id"
        ),
        pytest.param(
            "profile: p\nmatch: {sys_descr: '('}", "match.sys_descr: expected a regular expression", id="bad-pattern"
        ),
        pytest.param(
            "profile: p\nemit: {g: t}", "p0.yaml:2: emit.g: expected a table that exists, not 't'", id="no-table"
        ),
        pytest.param("profile: p\ntables: {t: {}}", "tables.t: expected columns, or computed values", id="empty-table"),
        pytest.param(
            "profile: p\ntables:\n  t:\n    columns:\n      c: {unit: s}",
            "p0.yaml:5: tables.t.columns.c: expected either oid or first_of",
            id="column-without-oid",
        ),
        pytest.param(
            "profile: p\ntables: {t: {columns: {c: {oid: 1.3.x}}}}",
            "tables.t.columns.c.oid: expected an OID in numbers",
            id="oid",
        ),
        pytest.param(
            "profile: p\ntables: {t: {columns: {c: {oid: #.1, use: sum}}}}",
            "columns.c.use: expected one of counter, gauge, state",
            id="use",
        ),
        pytest.param(
            "profile: p\ntables: {t: {columns: {c: {oid: #.1, use: counter, refresh: 1h}}}}",
            "columns.c.refresh: expected no refresh on a counter",
            id="refresh-of-counter",
        ),
        pytest.param(
            "profile: p\ntables: {t: {columns: {c: {oid: #.1, use: counter, scale: 0}}}}",
            "columns.c.scale: expected a number above 0",
            id="scale-of-counter",
        ),
        pytest.param(
            "profile: p\ntables: {t: {columns: {c: {use: counter, first_of: [{oid: #.1, scale: 2}, #.2]}}}}",
            "columns.c.first_of: expected one scale for all sources of a counter",
            id="scales-of-counter",
        ),
        pytest.param(
            "profile: p\ntables: {t: {columns: {c: {oid: #.1, use: counter, enum: {1: up}}}}}",
            "columns.c.enum: expected no enum on a counter",
            id="enum-of-counter",
        ),
        pytest.param(
            "profile: p\ntables: {t: {columns: {c: #.1, d: {first_of: []}}}}",
            "columns.d.first_of: expected at least one OID",
            id="no-source",
        ),
        pytest.param(
            "profile: p\ntables: {t: {columns: {c: {oid: #.1, use: gauge, as: mac}}}}",
            "columns.c.as: expected a way to read a number",
            id="gauge-of-text",
        ),
        pytest.param(
            "profile: p\ntables: {t: {columns: {c: {oid: #.1, as: date_and_time}}}}",
            "columns.c.as: expected a way to read a number",
            id="text-that-is-a-gauge-by-default",
        ),
        pytest.param(
            "profile: p\ntables: {t: {columns: {c: {oid: #.1}}, row: [name]}}",
            "tables.t.row: expected a name of 't'",
            id="row",
        ),
        pytest.param(
            "profile: p\ntables: {t: {columns: {c: {oid: #.1}}, join: {x: {}}}}",
            "tables.t.join.x: expected a table that exists, not 'x'",
            id="join",
        ),
        pytest.param(
            "profile: p\ntables: {t: {columns: {c: {oid: #.1}}, tags: {n: 'x.y'}}}",
            "tables.t.tags.n: expected a column, alias.column of a join",
            id="tag",
        ),
        pytest.param(
            "profile: p\ntables: {t: {columns: {c: {oid: #.1}}, when: 'c ='}}",
            "tables.t.when: expected a number, name",
            id="when",
        ),
        pytest.param(
            "profile: p\ntables: {t: {columns: {c: {oid: #.1}}, tags: {n: \"extract(c, '(a+)+')\"}}}",
            "tables.t.tags.n: expected a pattern without repeats inside repeats",
            id="pattern-in-an-expression",
        ),
        pytest.param(
            "profile: p\ntables: {t: {columns: {c: {oid: #.1, use: counter}}, when: 'c > 1'}}",
            "tables.t.when: expected no counter here",
            id="filter-by-rate",
        ),
        pytest.param(
            "profile: p\ntables: {t: {columns: {c: {oid: #.1}}}}\ncomputed: {t.a: b, t.b: a}",
            "p0.yaml:3: computed.t.a: expected no circle",
            id="circle",
        ),
        pytest.param(
            "profile: p\ncomputed: {x.a: '1'}", "computed.x: expected a table before the point", id="computed-of-none"
        ),
        pytest.param(
            "profile: p\ntables: {t: {columns: {c: {oid: #.1}}}}\ncomputed: {t.c: '1'}",
            "each name once among columns",
            id="name-twice",
        ),
        pytest.param(
            "profile: p\ntables: {t: {columns: {a-b: {oid: #.1}}}}",
            "columns.a-b: expected a name (letters",
            id="bad-name",
        ),
        pytest.param("profile: p\ntables: [1]", "p0.yaml:2: tables: expected a mapping", id="list-for-mapping"),
        pytest.param(
            "profile: p\ntables: {t: {index: [{type: integer}], columns: {c: {oid: #.1}}}}",
            "tables.t.index[0].name: expected a name for this part",
            id="index-without-name",
        ),
        pytest.param(
            "profile: p\ntables: {t: {line_rate: x, columns: {c: {oid: #.1}}}}",
            "tables.t.line_rate: expected a gauge",
            id="rate",
        ),
    ],
)
def test_a_bad_profile_is_refused_where_it_is_bad(text: str, expected: str):
    found = problems(text)
    assert any(expected in problem for problem in found), found


def test_every_problem_is_told_at_once():
    found = problems("profile: p\ninterval: x\ntables:\n  t: {columns: {a: {}, b: {oid: x}}}\nemit: {g: u}")
    assert len(found) == 4
    assert {problem.split(": ")[0] for problem in found} == {"p0.yaml:2", "p0.yaml:4", "p0.yaml:5"}


def _chain(steps: int, expression: str) -> str:
    """Return a profile of values that are each made of the one before."""
    computed = "".join(f"  t.a{n}: {{use: state, expr: '{expression.format(f'a{n - 1}')}'}}\n" for n in range(1, steps))
    columns = "columns: {x: {oid: #.1, refresh: 1h}}, tags: {last: a1}"
    first = f"{{use: state, expr: '{expression.format('x')}'}}"
    return f"profile: p\ntables: {{t: {{{columns}}}}}\ncomputed:\n  t.a0: {first}\n{computed}emit: {{g: t}}"


def test_values_made_of_one_another_twice_over_are_walked_through_once():
    profile = library_of(_chain(32, "concat({0}, {0})").replace("#", ROOT)).profiles["p"]
    assert make_plan(profile).slow_names["t"][-1] == "x"


def test_values_are_at_most_so_many_steps_above_what_is_read():
    found = problems(_chain(33, "concat({0}, {0})"))
    assert [problem.split(": ", 1)[1] for problem in found] == [
        "computed.t.a32: expected a value at most 32 steps above what is read for it"
    ]


def test_problems_of_every_kind_are_told_in_one_go_in_the_order_of_their_lines():
    found = problems("""\
profile: p
interval: soon
interval: 1m
tables:
  t:
    row: [naem]
    when: "busy ="
    columns:
      busy: {oid: 1.3.x, use: gauge}
      busy: #.1
      name: {oid: #.2, use: tga}
      name: #.2
    tags: {n: "lower(name", o: "lower(n)", p: "lower(m)"}
computed:
  t.idle: "100 -"
  t.half: "idle / busy"
  t.lost: "idle / bsuy"
emit: {g: t, h: u, g: t}
""")
    assert [problem.split(": expected ")[0].removeprefix("p0.yaml:") for problem in found] == [
        "2: interval",
        "3: interval",
        "6: tables.t.row",
        "6: tables.t.tags.p",
        "7: tables.t.when",
        "9: tables.t.columns.busy.oid",
        "10: tables.t.columns.busy",
        "11: tables.t.columns.name.use",
        "12: tables.t.columns.name",
        "13: tables.t.tags.n",
        "15: computed.t.idle.expr",
        "17: computed.t.lost",
        "18: emit.g",
        "18: emit.h",
    ]


def test_keys_that_stand_twice_in_a_parent_break_those_that_extend_it():
    library = library_of("profile: bad\ninterval: 1m\ninterval: 1m", "profile: child\nextends: [bad]")
    assert library.broken == {"bad", "child"}
    assert [str(problem) for problem in library.problems] == ["p0.yaml:3: interval: expected each key once"]


@pytest.mark.parametrize("key", ["on", '"on"'], ids=["bare", "in-quotes"])
def test_the_key_of_a_join_may_stand_without_quotes(key: str):
    text = f"profile: p\ntables: {{t: {{columns: {{c: {ROOT}.1}}, join: {{t: {{{key}: c}}}}}}}}"
    assert library_of(text).profiles["p"].tables["t"].joins["t"].on == (("c",),)


def test_a_bad_profile_takes_those_that_extend_it_and_no_others():
    library = library_of("profile: bad\nunknown: 1", "profile: child\nextends: [bad]", "profile: good")
    assert set(library.profiles) == {"good"}
    assert library.broken == {"bad", "child"}
    assert len(library.problems) == 1


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a: &x [1]\nb: *x", id="alias"),
        pytest.param("a: &x 1", id="anchor"),
        pytest.param("[" * 100, id="deep-and-open"),
        pytest.param("[" * 100 + "]" * 100, id="deep"),
        pytest.param("a: {" * 30 + "}" * 30, id="deep-mappings"),
        pytest.param("profile: p\nprofile: q", id="key-twice"),
        pytest.param("profile: [p]", id="name-is-a-list"),
        pytest.param("profile: ../p", id="name-is-a-path"),
        pytest.param("", id="empty"),
        pytest.param("- 1", id="list"),
        pytest.param("profile: p\n\tx: 1", id="tab"),
        pytest.param("? [a]\n: 1", id="list-as-key"),
        pytest.param("profile: p\n--- \nprofile: q", id="two-documents"),
        pytest.param("profile: \x01", id="control-character"),
        pytest.param("x" * (2 * 2**20 + 1), id="huge"),
    ],
)
def test_a_text_that_is_no_profile_is_refused(text: str):
    with pytest.raises(ProfileError) as caught:
        read_document(text, "f.yaml")
    assert all(problem.at.file == "f.yaml" for problem in caught.value.problems)


def test_yaml_tags_build_nothing():
    text = dedent("""\
        profile: p
        description: !!python/object/apply:os.system ["true"]
        """)
    assert problems(text) == ["p0.yaml:2: description: expected a text"]


def test_labels_that_yaml_takes_for_truth_values_stay_texts():
    library = library_of(
        "profile: p\ntables: {t: {columns: {c: {oid: 1.3.6.1.4.1.9.1, enum: {1: on, 2: off, 3: no}}}}}\nemit: {g: t}"
    )
    assert library.profiles["p"].tables["t"].columns["c"].enum == {"1": "on", "2": "off", "3": "no"}
