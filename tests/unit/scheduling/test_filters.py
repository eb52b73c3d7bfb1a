"""The resource filter says what the reference's did, and says clearly what it cannot read."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records import Resource
from streams.scheduling import filters
from streams.scheduling.filter_fields import RESOURCE
from streams.scheduling.filters import And, Equal, Expression, FilterError, In, Like, Not, Or, compile_filter

SWITCH = Resource(
    site="fra1",
    resource_class="network",
    resource_subclass="switch",
    resource_type="cisco",
    resource_id="sw1.fra1",
    endpoint="192.0.2.1:161",
    plugins=("file", "netbox"),
    first_seen_ms=0,
    last_seen_ms=0,
    labels={"rack": "7", "owner": "o'hara"},
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", True, id="empty-fits-all"),
        pytest.param("  \n", True, id="blank-fits-all"),
        pytest.param("resource_site = 'fra1'", True, id="equal"),
        pytest.param('resource_site = "fra1"', True, id="double-quotes"),
        pytest.param("resource_site == 'fra1'", True, id="double-equal"),
        pytest.param("resource_site = 'FRA1'", False, id="texts-are-case-sensitive"),
        pytest.param("resource_site eq 'fra1'", True, id="eq"),
        pytest.param("resource_site EQ 'ams1'", False, id="eq-upper-case"),
        pytest.param("resource_site != 'fra1'", False, id="unequal"),
        pytest.param("resource_site <> 'ams1'", True, id="unequal-sql"),
        pytest.param("resource_site NE 'ams1'", True, id="ne"),
        pytest.param("resource_site = fra1", True, id="bare-word"),
        pytest.param("resource_type LIKE 'ci%'", True, id="like-prefix"),
        pytest.param("resource_type like '%sc%'", True, id="like-inside"),
        pytest.param("resource_type like 'c_sco'", True, id="like-one-character"),
        pytest.param("resource_type like 'cisc'", False, id="like-is-the-whole-text"),
        pytest.param("resource_type like '%ci%ci%'", False, id="like-parts-do-not-overlap"),
        pytest.param("resource_endpoint like '192.0_2%'", True, id="like-dot-is-a-dot"),
        pytest.param("resource_type not like '%juniper%'", True, id="not-like"),
        pytest.param("resource_type IN ('juniper', 'cisco')", True, id="in"),
        pytest.param("resource_type NOT IN ('juniper','cisco')", False, id="not-in"),
        pytest.param("resource_metadata.rack = '7'", True, id="label"),
        pytest.param("resource_metadata.rack in (6, 7)", True, id="bare-numbers"),
        pytest.param("resource_metadata.owner = 'o''hara'", True, id="doubled-quote"),
        pytest.param('resource_metadata.owner = "o\'hara"', True, id="other-quote-inside"),
        pytest.param("resource_metadata.none = ''", True, id="missing-label-reads-empty"),
        pytest.param("resource_metadata.none != 'x'", True, id="missing-label-is-unequal"),
        pytest.param("resource_plugin = 'netbox'", True, id="any-of-its-plugins"),
        pytest.param("resource_plugin != 'netbox'", False, id="none-of-its-plugins"),
        pytest.param(
            "resource_site = 'x' AND resource_type = 'x' OR resource_id like 'sw%'", True, id="and-binds-first"
        ),
        pytest.param("resource_site = 'x' AND (resource_type = 'x' OR resource_id like 'sw%')", False, id="brackets"),
        pytest.param("NOT resource_site = 'x' and not (resource_class = 'x')", True, id="not"),
        pytest.param("NOT NOT resource_site = 'fra1'", True, id="not-not"),
        pytest.param("not resource_site = 'x' or resource_site = 'fra1'", True, id="not-binds-first"),
        pytest.param(
            'resource_class = "network" AND resource_subclass = "switch"\n AND resource_type LIKE "%"',
            True,
            id="several-lines",
        ),
    ],
)
def test_a_filter_picks_what_it_says(text, expected):
    assert compile_filter(text)(SWITCH) is expected


@pytest.mark.parametrize(
    ("text", "at", "says"),
    [
        pytest.param("resource_site = ", 16, "expected a text", id="nothing-to-compare-with"),
        pytest.param("site = 'x'", 0, "resource_site", id="unknown-field-names-the-known"),
        pytest.param("resource_metadata. = 'x'", 0, "<label>", id="label-without-a-name"),
        pytest.param("resource_site 'x'", 14, "expected =", id="no-operator"),
        pytest.param("resource_site = 'x", 16, "never closed", id="open-quote"),
        pytest.param("resource_site = 'x' resource_id = 'y'", 20, "AND, OR or the end", id="no-and"),
        pytest.param("(resource_site = 'x'", 20, "')'", id="open-bracket"),
        pytest.param("resource_site = 'x')", 19, "the end", id="bracket-too-many"),
        pytest.param("resource_site IN ()", 18, "expected a text", id="empty-in"),
        pytest.param("resource_site NOT = 'x'", 18, "LIKE or IN", id="not-equal-spelled-out"),
        pytest.param("resource_site = and", 16, "expected a text", id="keyword-as-text"),
        pytest.param("and", 0, "expected a field", id="keyword-as-field"),
        pytest.param("resource_site = 'x'; drop", 19, "unexpected ';'", id="foreign-sign"),
        pytest.param("(" * 200 + "resource_site = 'x'" + ")" * 200, 50, "levels", id="too-deep"),
        pytest.param("not " * 200 + "resource_site = 'x'", 200, "levels", id="too-many-nots"),
    ],
)
def test_what_cannot_be_read_is_pointed_at(text, at, says):
    with pytest.raises(FilterError, match=re.escape(says)) as caught:
        compile_filter(text)
    assert caught.value.at == at
    _, line, caret = str(caught.value).split("\n")
    assert line[caret.index("^") : caret.index("^") + 1] == text[at : at + 1]


def test_like_with_many_wildcards_is_quick_whatever_the_text():
    assert filters.like("%a" * 200 + "%b").match("a" * 5000) is None


ALPHABET = "ab%_'."
TEXTS = st.text(ALPHABET, max_size=5)
FIELDS = st.sampled_from([*RESOURCE.named, "resource_metadata.x", "resource_metadata.y"])
TREES = st.recursive(
    st.one_of(
        st.builds(Equal, FIELDS, TEXTS),
        st.builds(Like, FIELDS, TEXTS),
        st.builds(In, FIELDS, st.lists(TEXTS, min_size=1, max_size=3).map(tuple)),
    ),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)
RESOURCES = st.builds(
    Resource,
    site=TEXTS,
    resource_class=TEXTS,
    resource_subclass=TEXTS,
    resource_type=TEXTS,
    resource_id=TEXTS,
    endpoint=TEXTS,
    plugins=st.lists(TEXTS, max_size=2).map(tuple),
    first_seen_ms=st.just(0),
    last_seen_ms=st.just(0),
    labels=st.dictionaries(st.sampled_from(["x", "y"]), TEXTS),
)


def written(tree: Expression) -> str:
    def quoted(text: str) -> str:
        return "'" + text.replace("'", "''") + "'"

    match tree:
        case Equal(field, text):
            return f"{field} = {quoted(text)}"
        case Like(field, pattern):
            return f"{field} LIKE {quoted(pattern)}"
        case In(field, texts):
            return f"{field} IN ({', '.join(map(quoted, texts))})"
        case Not(of):
            return f"NOT ({written(of)})"
        case And(of) | Or(of):
            return f" {type(tree).__name__.upper()} ".join(f"({written(one)})" for one in of)


def naive_like(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(naive_like(pattern[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in ("_", text[0]) and naive_like(pattern[1:], text[1:])


def naive(tree: Expression, resource: Resource) -> bool:
    def values(field: str) -> list[str]:
        if field.startswith("resource_metadata."):
            return [resource.labels.get(field.split(".")[1], "")]
        if field == "resource_plugin":
            return list(resource.plugins)
        attribute = {"resource_site": "site", "resource_endpoint": "endpoint"}.get(field, field)
        return [getattr(resource, attribute)]

    match tree:
        case Equal(field, text):
            return any(value == text for value in values(field))
        case Like(field, pattern):
            return any(naive_like(pattern, value) for value in values(field))
        case In(field, texts):
            return any(value == text for value in values(field) for text in texts)
        case Not(of):
            return not naive(of, resource)
        case And(of):
            return all(naive(one, resource) for one in of)
        case Or(of):
            return any(naive(one, resource) for one in of)


@given(tree=TREES, resource=RESOURCES)
def test_it_decides_as_a_naive_evaluator_does(tree, resource):
    assert compile_filter(written(tree))(resource) == naive(tree, resource)


@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(
            st.sampled_from(
                [
                    "resource_site",
                    "resource_metadata.x",
                    "=",
                    "!=",
                    "not",
                    "like",
                    "in",
                    "(",
                    ")",
                    ",",
                    "'a'",
                    '"',
                    "and",
                    "or",
                    "b",
                ]
            ),
            max_size=14,
        ).map(" ".join),
    )
)
def test_it_raises_nothing_but_filter_errors(text):
    with contextlib.suppress(FilterError):
        assert compile_filter(text)(SWITCH) in (True, False)
