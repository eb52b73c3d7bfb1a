"""Expressions: what they say, what they refuse, and that nothing breaks them."""

import math
import time
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pollers.profiles.language.absent import Absent, Cell
from pollers.profiles.language.evaluate import Get, compile_expression
from pollers.profiles.language.expr import Call, ExpressionError, Tree, parse
from pollers.profiles.language.patterns import PatternError, compile_pattern
from tests.examples import examples


class Row:
    """One row of names, and a table `t` of three rows for functions over tables."""

    def __init__(self, cells: Mapping[str, Cell]) -> None:
        self._cells = cells

    def column(self, path: tuple[str, ...]) -> Get:
        name = ".".join(path)
        if name not in self._cells:
            raise ExpressionError(f"a name, not {name!r}")
        cell = self._cells[name]
        return lambda _row: cell

    def rows_of(self, call: Call) -> tuple[Sequence[int], "Rows", Sequence[Tree]]:
        return range(3), Rows(), call.args


class Rows(Row):
    def __init__(self) -> None:
        super().__init__({})

    def column(self, path: tuple[str, ...]) -> Get:
        values: list[Cell] = [1.0, Absent("gone"), 3.0]
        return values.__getitem__ if path == ("t", "x") else super().column(path)


CELLS: dict[str, Cell] = {
    "a": 6,
    "b": 4.0,
    "zero": 0,
    "text": "Routing Engine 0",
    "number_text": "12.5",
    "gone": Absent("not-answered"),
    "alias.name": "x",
}


def value_of(text: str) -> Cell:
    return compile_expression(parse(text), Row(CELLS))(0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("-2 ** 2", -4),
        ("2 ** -1", 0.5),
        ("2 ** 3 ** 2", 512),
        ("10 - 3 - 2", 5),
        ("7 % 4", 3),
        ("100 * a / (a + b)", 60),
        ("zero", 0),
        ("zero * 5", 0),
        ("a > b", 1),
        ("a == 6 and not b == 5", 1),
        ("a < b or zero", 0),
        ("a in [1, 6]", 1),
        ("text in ['x', 'y']", 0),
        ("a not in [6]", 0),
        ("text contains 'Engine'", 1),
        ("'Engine' in text", 1),
        ("a == 'six'", 0),
        ("a != 'six'", 1),
        ("if(a > b, 'more', 'less')", "more"),
        ("first(gone, a)", 6),
        ("only_if(a, b == 4)", 6),
        ("present(gone)", 0),
        ("present(zero)", 1),
        ("round(2.345, 2)", 2.35),
        ("floor(2.9)", 2),
        ("abs(-3)", 3),
        ("min(a, b, 9)", 4),
        ("max(a, b)", 6),
        ("number(number_text) * 2", 25),
        ("lower(text)", "routing engine 0"),
        ("concat('cpu ', a, ' ', b)", "cpu 6 4"),
        ("trim('  x ')", "x"),
        ("extract(text, '([0-9]+)$')", "0"),
        ("alias.name", "x"),
        ("count(t.x > 0)", 2),
        ("sum(t.x)", 4),
        ("avg_of(t.x)", 2),
        ("max_of(t.x)", 3),
        ("min_of(t.x, t.x > 1)", 3),
        ("1e3", 1000),
    ],
)
def test_an_expression_means_what_it_says(text: str, expected: Cell):
    assert value_of(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("gone + 1", "missing-operand:gone"),
        ("1 / zero", "division-by-zero"),
        ("1 % zero", "division-by-zero"),
        ("9 ** 65", "not-a-number"),
        ("(-8) ** 0.5", "not-a-number"),
        ("1e308 * 10", "not-a-number"),
        ("text + 1", "wrong-type"),
        ("a > text", "wrong-type"),
        ("number(text)", "not-a-number"),
        ("extract(text, '(z)')", "no-match"),
        ("if(gone, 1, 2)", "not-answered"),
        ("first(gone, gone)", "not-answered"),
        ("only_if(a, b == 5)", "condition-not-met"),
        ("only_if(a, gone == 5)", "missing-operand:gone"),
        ("only_if(gone, b == 4)", "not-answered"),
        ("first(a + text, gone)", "wrong-type"),
        ("first(gone, a + text)", "wrong-type"),
        ("gone == 1", "missing-operand:gone"),
        ("gone in [1]", "missing-operand:gone"),
        ("(a * gone) + 1", "missing-operand:gone"),
    ],
)
def test_what_cannot_be_worked_out_says_why(text: str, reason: str):
    assert value_of(text) == Absent(reason)


def test_the_side_that_decides_alone_does_so_without_the_other():
    assert value_of("a == 6 or gone") == 1
    assert value_of("gone and a == 5") == 0
    assert isinstance(value_of("gone and a == 6"), Absent)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 +",
        "a b",
        "a.b.",
        "f(1)",
        "__import__('os')",
        "abs()",
        "round(1, 2, 3)",
        "if(1, 2)",
        "[1]",
        "a in [b]",
        "lambda: 1",
        "a if b else c",
        "a; b",
        "a := 1",
        "'open",
        "a[0]",
        "{1}",
        "extract(text, name)",
        "not",
        "a not b",
        "(" * 60 + "1" + ")" * 60,
        "1" + "+1" * 400,
        "not " * 100 + "1",
        "-" * 100 + "1",
        "a" * 1_001,
    ],
    ids=lambda text: text[:20] or "empty",
)
def test_anything_else_is_refused(text: str):
    with pytest.raises(ExpressionError):
        value_of(text)


TOKENS = st.sampled_from(
    ["a", "zero", "text", "gone", "1", "0", "2.5", "'x'", "+", "-", "*", "/", "%", "**", "(", ")", "[", "]", ",", "and",
     "or", "not", "in", "contains", "==", "!=", "<", ">=", "if(", "first(", "round(", "count(", "t.x", "extract(", "."]
)  # fmt: skip


@given(st.one_of(st.text(max_size=60), st.lists(TOKENS, max_size=25).map(" ".join)))
@settings(max_examples=examples(400), deadline=None)
def test_no_text_runs_code_hangs_or_crashes(text: str):
    try:
        found = value_of(text)
    except ExpressionError:
        return
    assert isinstance(found, Absent | str | int | float)
    assert isinstance(found, Absent | str) or math.isfinite(found)


@pytest.mark.parametrize(
    "pattern",
    [
        *("(a+)+b", "(a*)*", "(a|aa)+b", "(.*)*x", r"(\w+\s?)+$", "(a+){2,}b", r"(a)\1", "(?=a)a", "(?!a)b"),
        *("a*a*a*a*b", "(", "[", "[[]", "[a--b]", "x" * 501),
        *("(?i:" + "a*A" * 6 + "b)", "(?i)(?-i:" + "[^k]*K" * 6 + ")", "(?s:" + ".*\n" * 6 + ")"),
        *("a{0,16}" * 5 + "b", "(?:aa|a)" * 18 + "b", "a?" * 20 + "b", "(?:a?a)*b", "(?:(?:a{0,4}){0,4}){0,4}b"),
    ],
    ids=lambda pattern: pattern[:12],
)
def test_patterns_that_could_run_away_are_refused(pattern: str):
    with pytest.raises(PatternError):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        *(".*a.*b.*c", r"^(\S+)\s+(\S+)$", ".*?x", "a{1,9}b*", "a{0,16}" * 3 + "b", "(?:aa|a)" * 10 + "b"),
        *("a?" * 12 + "b", "^a*a*(?:a*)?a*b", "(?:a?a){0,14}b", "a*a*" + "a" * 100 + "b", "a{60000}b", "a*?a*?a*?b"),
    ],
    ids=lambda pattern: pattern[:20],
)
def test_a_pattern_that_is_taken_is_quick_on_the_worst_of_texts(pattern: str):
    compiled = compile_pattern(pattern)
    for text in ("a" * 100_000, "ab" * 50_000, " " * 100_000):
        before = time.process_time()
        compiled.search(text)
        assert time.process_time() - before < 1.0


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        pytest.param(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})", "x" * 9_000 + "10.0.0.1", id="address"),
        pytest.param(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", "x" * 9_000 + "00:1e:bd:07:a0:0f", id="mac"),
        pytest.param(
            r"Version (\S+), RELEASE SOFTWARE \((\S+)\)", "x" * 300 + "Version 1, RELEASE SOFTWARE (f)", id="two"
        ),
        pytest.param(r"(\S+) (\S+) (\S+) \d\d\d\d", "a b c 2024", id="three-and-a-tail"),
        pytest.param("^" + "[0-9]{1,10}[.]" * 15 + "([0-9]{1,10})", "1." * 15 + "7", id="part-of-an-index"),
        pytest.param(r"(?i)[^k]*k[^k]*k[^k]*k[^k]*k", "akbKckdK", id="letters-that-end-repeats"),
    ],
)
def test_usual_patterns_are_taken_and_see_enough_of_a_text(pattern: str, text: str):
    assert compile_pattern(pattern).search(text)


ATOMS = st.sampled_from(["a", "b", ".", "aa", "[ab]", r"\w", "(?:aa|a)", "(?:a|ab|b)", "(?:a?a)", "(?:a{0,3})"])
REPEATS = st.sampled_from(["", "", "?", "*", "+", "*?", "{0,4}", "{2,16}", "{0,16}?", "{3}", "{0,40}", "{900}", "*+"])
PATTERNS = st.lists(st.builds(str.__add__, ATOMS, REPEATS), min_size=1, max_size=24).map("".join)


@given(
    st.one_of(st.text(alphabet="ab.*+?()[]|{}^$\\d1,", max_size=14), PATTERNS, PATTERNS.map(lambda text: f"{text}z")),
    st.one_of(st.text(alphabet="ab1 ", max_size=5_000), st.sampled_from(["a" * 70_000, "ab" * 35_000, "aab" * 25_000])),
)
@settings(max_examples=examples(300), deadline=None)
def test_no_pattern_takes_long(pattern: str, text: str):
    try:
        compiled = compile_pattern(pattern)
    except PatternError:
        return
    before = time.process_time()
    compiled.search(text)
    assert time.process_time() - before < 2.0
