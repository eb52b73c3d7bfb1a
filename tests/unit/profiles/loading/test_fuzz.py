"""No input makes the loader, the compiler or the importers run code, hang or crash."""

import json
from contextlib import suppress
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pollers.profiles.authoring import json_schema
from pollers.profiles.importing.folder import SOURCES, import_texts
from pollers.profiles.loading import load, load_columns
from pollers.profiles.loading.library import build_library, read_document
from pollers.profiles.place import ProfileError
from pollers.profiles.reading.plan import make_plan
from tests.examples import examples


def dump(document: Any) -> str:
    return str(yaml.dump(document, Dumper=yaml.CSafeDumper))


WORDS = [
    *load.TOP_KEYS, *load.TABLE_KEYS, *load_columns.COLUMN_KEYS, *load_columns.INDEX_KEYS, "p", "t", "c", "t.c",
    "1.3.6.1.4.1.9.1", "1.3.6.1.2.1.1.1.0", "counter", "gauge", "tag", "state", "30m", "c + 1", "count(t.c)", "(a+)+",
    "true", "null", "-1", "0", "", "integer", "inet", "mac", "text", "interval", "slice", "expr", "first_of",
]  # fmt: skip
SCALARS = st.one_of(st.sampled_from(WORDS), st.integers(-2, 70_000), st.booleans(), st.none(), st.text(max_size=8))
TREES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)),
    max_leaves=25,
)
NAMES = ["t", "u", "c", "d"]


def profile_like() -> st.SearchStrategy[Any]:
    """Profiles that are nearly right: sections where they belong, with names that may or may not exist."""
    column = st.fixed_dictionaries(
        {"oid": st.sampled_from(["1.3.6.1.4.1.9.1.1", "1.3.6.1.4.1.9.1.2", "x"])},
        optional={
            "use": st.sampled_from(["counter", "gauge", "tag", "state", "reference", "auto", "discontinuity", "x"]),
            "refresh": st.sampled_from(["1h", "x"]),
            "as": st.sampled_from(["mac", "number", "x"]),
            "extract": st.sampled_from(["(a)", "(a+)+", "("]),
            "enum": st.dictionaries(st.integers(0, 3), st.sampled_from(NAMES), max_size=2),
        },
    )
    expression = st.sampled_from(
        ["c", "d", "u.c", "c + d", "count(u.c)", "t.c", "if(c, d, 1)", "c(", "sum(u.d, u.c > 1)"]
    )
    table = st.fixed_dictionaries(
        {"columns": st.dictionaries(st.sampled_from(NAMES), column, max_size=3)},
        optional={
            "when": expression,
            "row": st.lists(st.sampled_from(NAMES), max_size=2),
            "tags": st.dictionaries(st.sampled_from(["x", "c", "d"]), expression, max_size=2),
            "join": st.dictionaries(
                st.sampled_from(NAMES),
                st.one_of(st.just({}), st.fixed_dictionaries({"on": st.sampled_from([*NAMES, "u.c", "index"])})),
                max_size=2,
            ),
            "index": st.lists(st.fixed_dictionaries({"name": st.sampled_from(["i", "j", "c"])}), max_size=2),
            "line_rate": st.sampled_from(NAMES),
        },
    )
    return st.fixed_dictionaries(
        {"profile": st.just("p"), "tables": st.dictionaries(st.sampled_from(["t", "u"]), table, max_size=2)},
        optional={
            "extends": st.sampled_from([["p"], ["q"], []]),
            "computed": st.dictionaries(
                st.sampled_from(["t.x", "t.y", "u.x", "z.z"]),
                st.one_of(expression, st.sampled_from(["x", "y", "x + y"])),
                max_size=3,
            ),
            "emit": st.dictionaries(st.sampled_from(["g", "h"]), st.sampled_from(["t", "u", "v"]), max_size=2),
        },
    )


@given(st.one_of(profile_like(), st.dictionaries(st.sampled_from(WORDS), TREES, max_size=6)))
@settings(max_examples=examples(120), deadline=None)
def test_a_mapping_gives_a_plan_or_problems(document: Any):
    text = dump({"profile": "p"} | document)
    with suppress(ProfileError):
        library = build_library([read_document(text, "f.yaml")])
        for profile in library.profiles.values():
            plan = make_plan(profile)
            assert not {oid for walk in plan.walks for oid in walk.fast} & {
                oid for walk in plan.walks for oid in walk.slow
            }
        for problem in library.problems:
            assert problem.at.file == "f.yaml"
            assert problem.expected


@given(st.text(max_size=300))
@settings(max_examples=examples(120), deadline=None)
def test_a_text_gives_a_profile_or_problems(text: str):
    with suppress(ProfileError):
        build_library([read_document(text, "f.yaml")])


FOREIGN = st.sampled_from(
    ["extends", "sysobjectid", "metrics", "metric_tags", "symbol", "symbols", "table", "OID", "name", "tag", "enum",
     "conversion", "condition", "index_transform", "start", "end", "modules", "indexes", "lookups", "labelname", "type",
     "regex_extracts", "metrics_groups", "oids", "value", "method", "dimensions", "matches", "poll_time_sec", "mapping"]
)  # fmt: skip
FOREIGN_TREES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.sampled_from(["1.3.6.1.4.1.9.1", "a.$index", "len([x for x in y.values()])", "counter", "x=1"]), SCALARS
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(FOREIGN, inner, max_size=5)),
    max_leaves=30,
)


OIDS = st.sampled_from(["1.3.6.1.4.1.9.1.1", "1.3.6.1.4.1.9.1.2", ".1.3.6.1.4.1.9.2.0", "1.3.x", "", None, 5])
LABELS = st.sampled_from(["ifName", "name", "9", "a b", "index", "ö", "", "x" * 80, None, True])


def symbols() -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"OID": OIDS, "name": LABELS},
        optional={
            "tag": LABELS,
            "enum": st.dictionaries(LABELS, st.one_of(st.integers(-1, 3), LABELS), max_size=3),
            "conversion": st.sampled_from(
                ["to_one", "hwaddr", "regexp:(a+)+", "regexp:([0-9]+)", "hextoint:Big:u", "new"]
            ),
            "condition": st.sampled_from(["name=3", "ifName=x", "??", "other=1"]),
            "poll_time_sec": st.sampled_from([60, "30", "x", None]),
            "allow_duplicate": st.booleans(),
            "scale_factor": st.sampled_from([0.1, 8]),
            "extract_value": st.sampled_from(["([0-9]+)", "(a*)*"]),
            "match_pattern": st.just("(.)-(.)"),
            "match_value": st.just("$1"),
            "format": st.sampled_from(["mac_address", "x"]),
            "metric_type": st.sampled_from(["gauge", "rate", "flag_stream", "percent", "y"]),
            "constant_value_one": st.booleans(),
            "mapping": st.dictionaries(st.integers(0, 3), LABELS, max_size=2),
        },
    )


def foreign_profiles() -> st.SearchStrategy[Any]:
    """Files in the forms of Kentik and Datadog, right and wrong."""
    slices = st.lists(st.fixed_dictionaries({"start": st.integers(-1, 3), "end": st.integers(-1, 3)}), max_size=2)
    tag = st.one_of(
        st.fixed_dictionaries({"column": symbols()}, optional={"tag": LABELS, "index_transform": slices}),
        st.fixed_dictionaries({"index": st.integers(-1, 20)}, optional={"tag": LABELS, "mapping": st.just({1: "a"})}),
        st.fixed_dictionaries({"symbol": symbols(), "match": st.just("(.)(.)"), "tags": st.just({"a": "\\1"})}),
    )
    metric = st.fixed_dictionaries(
        {},
        optional={
            "MIB": LABELS,
            "table": st.one_of(st.fixed_dictionaries({"name": LABELS}), LABELS),
            "symbol": symbols(),
            "symbols": st.lists(symbols(), max_size=4),
            "metric_tags": st.lists(tag, max_size=3),
            "static_tags": st.just(["a:b", "c"]),
            "options": st.fixed_dictionaries({"placement": st.integers(-1, 500)}),
            "forced_type": st.just("counter"),
        },
    )
    return st.fixed_dictionaries(
        {"metrics": st.lists(metric, max_size=4)},
        optional={
            "sysobjectid": st.lists(OIDS, max_size=3),
            "extends": st.just(["other.yml"]),
            "matches": st.just({"(a+)+": "x.yml", "^b": "f.yml"}),
            "metric_tags": st.lists(tag, max_size=2),
            "metadata": st.just(
                {"device": {"fields": {"vendor": {"value": "v"}, "x": {"symbol": {}}}}, "interface": 1}
            ),
        },
    )


@given(st.sampled_from(["kentik", "datadog"]), foreign_profiles())
@settings(max_examples=examples(120), deadline=None)
def test_a_foreign_profile_always_lints_once_it_is_imported(source: str, document: Any):
    result = import_texts(source, {"f.yml": dump(document)})
    assert not result.problems, result.problems


def exporter_modules() -> st.SearchStrategy[Any]:
    """Files in the form of snmp_exporter."""
    kinds = st.sampled_from(
        [
            "gauge",
            "counter",
            "DisplayString",
            "InetAddressType",
            "InetAddress",
            "PhysAddress48",
            "EnumAsInfo",
            "Bits",
            "x",
        ]
    )
    index = st.fixed_dictionaries({"labelname": LABELS, "type": kinds}, optional={"fixed_size": st.just(6)})
    lookup = st.fixed_dictionaries(
        {"labelname": LABELS, "labels": st.lists(LABELS, max_size=2)}, optional={"oid": OIDS, "type": kinds}
    )
    metric = st.fixed_dictionaries(
        {"name": LABELS, "oid": OIDS, "type": kinds},
        optional={
            "indexes": st.lists(index, max_size=3),
            "lookups": st.lists(lookup, max_size=2),
            "enum_values": st.dictionaries(st.integers(0, 3), LABELS, max_size=2),
            "regex_extracts": st.just({"": [{"value": "$1", "regex": "(.*)%"}, {"value": "1", "regex": "(a+)+"}]}),
            "scale": st.just(0.1),
            "offset": st.just(3),
        },
    )
    return st.fixed_dictionaries(
        {"modules": st.fixed_dictionaries({"m": st.fixed_dictionaries({"metrics": st.lists(metric)})})}
    )


def reference_groups() -> st.SearchStrategy[Any]:
    """Files in the form of the reference system."""
    texts = st.sampled_from(
        [
            *(
                "a.$index",
                "b.$index",
                "int(a.$index) * 8",
                "'x'",
                "x(",
                "len(a)",
                "a.$index in ['1', 2]",
                "(" * 200,
                "None",
            ),
            *("'x' if 'y' in a.$index else 'z'", "len([x for x in a.values() if x in ['1']])", "-a.$index ** 2 ** 3"),
            *(
                "round(a.$index / b.$index, 2)",
                "a.$index == b.$index == 1",
                "f'{a}'",
                "a.$index if not b.$index else -1.5",
            ),
        ]
    )
    metric = st.one_of(
        st.integers(),
        st.fixed_dictionaries(
            {"value": texts},
            optional={
                "metric_type": st.sampled_from(["counter", "gauge"]),
                "transform": st.sampled_from(["lambda x: x * 2", "lambda x, y: x", "x", "lambda x: x if x else 0"]),
            },
        ),
    )
    group = st.fixed_dictionaries(
        {"group_name": LABELS},
        optional={
            "metrics": st.dictionaries(st.sampled_from(["m", "n", "index"]), metric, max_size=3),
            "dimensions": st.dictionaries(st.sampled_from(["m", "d"]), texts, max_size=2),
        },
    )
    oid = st.one_of(
        st.fixed_dictionaries({"method": st.just("bulk_walk"), "oid": OIDS}),
        st.just({"method": "static", "values": {"1": "x"}}),
    )
    oids = st.dictionaries(st.sampled_from(["a", "b"]), oid)
    return st.fixed_dictionaries({"metrics_groups": st.lists(group, max_size=3), "oids": oids})


@given(reference_groups())
@settings(max_examples=examples(150), deadline=None)
def test_a_reference_group_always_lints_once_it_is_imported(document: Any):
    result = import_texts("panoptes", {"f.json": json.dumps({"data": [document]})})
    assert not result.problems, result.problems


@given(exporter_modules())
@settings(max_examples=examples(120), deadline=None)
def test_an_exporter_module_always_lints_once_it_is_imported(document: Any):
    result = import_texts("snmp_exporter", {"f.yml": dump(document)})
    assert not result.problems, result.problems


@given(st.sampled_from(sorted(SOURCES)), st.dictionaries(FOREIGN, FOREIGN_TREES, max_size=6))
@settings(max_examples=examples(120), deadline=None)
def test_a_foreign_file_is_imported_or_reported(source: str, document: Any):
    result = import_texts(source, {"f.yml": dump(document)})
    assert not result.problems, result.problems


@given(st.sampled_from(sorted(SOURCES)), st.text(max_size=200))
@settings(max_examples=examples(120), deadline=None)
def test_any_text_is_imported_or_reported(source: str, text: str):
    import_texts(source, {"f.yml": text})


def test_the_schema_is_made_without_profiles():
    assert json_schema.schema()["required"] == ["profile"]
