"""Regular expressions of profiles: patterns with catastrophic backtracking are refused, and texts are cut in length.

Python's matcher backtracks: at worst it tries every start, every length of every repeat and every alternative. A
pattern is weighed by that before it is used, and looks at no more of a text than it can try in `STEP_LIMIT` steps (a
fifth of a second); one that cannot even bear `MIN_TEXT` characters is refused, and so are back references, look-arounds
and open-ended repeats of what can itself match in several ways.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import takewhile
from re import _compiler as sre_compiler  # type: ignore[attr-defined]
from re import _constants as sre  # type: ignore[attr-defined]  # the matcher's own tree; there is no public one
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Final, NamedTuple, TypeAlias

MAX_PATTERN: Final = 500
STEP_LIMIT: Final = 20_000_000
#: a pattern looks at no more characters of a text than this
MAX_TEXT: Final = 65_536
#: and must be able to bear this many
MIN_TEXT: Final = 80
#: a repeat with an upper bound above this counts as open-ended
LONG_REPEAT: Final = 16
#: ways beyond this are refused in any case; it keeps powers of them finite
_TOO_MANY: Final = 1e12

#: what Python may one day read as sets within sets
_NESTED_SET: Final = re.compile(r"(?<!\\)\[\^?\]?(?:[^\]\\]|\\.)*?(?:\[|--|&&|\|\||~~)")
_REFUSED: Final = {
    sre.GROUPREF: "back references",
    sre.GROUPREF_EXISTS: "conditional groups",
    sre.ASSERT: "look-arounds",
    sre.ASSERT_NOT: "look-arounds",
}
_STARTS: Final = ((sre.AT, sre.AT_BEGINNING), (sre.AT, sre.AT_BEGINNING_STRING))
_SINGLE: Final = {sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY}
_REPEATS: Final = {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}


class PatternError(ValueError):
    """The pattern is invalid or could backtrack without bound; the message says which part."""


class Pattern(NamedTuple):
    regex: re.Pattern[str]
    limit: int  #: characters of a text that are looked at

    def search(self, text: str) -> re.Match[str] | None:
        return self.regex.search(text[: self.limit])


@lru_cache(maxsize=1_024)  # an expression is compiled in every poll
def compile_pattern(text: str) -> Pattern:
    """Compile a pattern, and return it with the longest text that it may be applied to. Raises PatternError."""
    if len(text) > MAX_PATTERN:
        raise PatternError(f"a pattern of at most {MAX_PATTERN} characters")
    if _NESTED_SET.search(text):
        raise PatternError("a pattern without [ and without --, &&, || and ~~ between [ and ]")
    try:
        tree = sre_parser.parse(text)
        limit = _limit(tree)
        regex = re.compile(text)
    except PatternError:
        raise
    except (re.error, OverflowError, RecursionError, ValueError) as error:
        raise PatternError(f"a regular expression ({error})") from error
    return Pattern(regex, limit)


def _limit(tree: sre_parser.SubPattern) -> int:
    """Return how many characters of a text the pattern can bear. Raises PatternError."""
    if _steps(tree, MIN_TEXT) > STEP_LIMIT:
        raise PatternError(f"a pattern with fewer open-ended repeats, ranges and alternatives: {_WHY}")
    low, high = MIN_TEXT, MAX_TEXT + 1  # the steps grow with the length
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _steps(tree, middle) > STEP_LIMIT else (middle, high)
    return low


_WHY: Final = f"this one cannot be tried on {MIN_TEXT} characters within {STEP_LIMIT:,} steps"


#: one part of the matcher's tree, as its op and what goes with it: whatever the op has
_Args: TypeAlias = sre_parser.SubPattern
_Part: TypeAlias = tuple[int, _Args]


class _Weight(NamedTuple):
    """The worst-case cost of trying a part of a pattern at one position of a text."""

    steps: float
    ways: float  #: in which it can match
    open_ended: int  #: what one way passes at least of open-ended repeats; the start is one, counted from -1


class _Text(NamedTuple):
    length: int
    usual: bool = True  #: whether the flags of the whole pattern hold in this part of it


def _steps(tree: sre_parser.SubPattern, length: int) -> float:
    """Return how many steps a search through a text takes at worst. Raises PatternError for what is refused."""
    parts = list(tree)
    if parts and parts[0] in _STARTS and not tree.state.flags & re.MULTILINE:
        return length + _weigh(parts, _Text(length), -1).steps
    return length * _weigh(parts, _Text(length), 0).steps


def _weigh(tree: Iterable[_Part], text: _Text, passed: int) -> _Weight:
    """Weigh parts that follow one another; each is tried once for every way through those before it."""
    parts = list(_flat(tree))
    steps, ways = 0.0, 1.0
    for place, (op, args) in enumerate(parts):
        if op is sre.LITERAL:
            if not place or parts[place - 1][0] is not sre.LITERAL:
                run = takewhile(lambda part: part[0] is sre.LITERAL, parts[place:])
                steps += ways * _literal_steps([chr(code).casefold() for _op, code in run])
            continue
        part = _weigh_part(op, args, text, passed)
        steps += ways * part.steps
        if op in _REPEATS and text.usual and _is_ended(args[2], parts[place + 1 : place + 2]):
            continue  # of all its lengths only one leads on
        ways = min(ways * part.ways, _TOO_MANY)
        passed = part.open_ended
    return _Weight(steps, ways, passed)


def _flat(tree: Iterable[_Part]) -> Iterator[_Part]:
    """Yield the parts with groups taken apart, but for such as change the flags."""
    for op, args in tree:
        if op is sre.SUBPATTERN and not args[1] and not args[2]:
            yield from _flat(args[3])
        else:
            yield op, args


def _is_ended(body: sre_parser.SubPattern, behind: Sequence[_Part]) -> bool:
    """Return whether a repeat of single characters ends where the letter behind it is: one that it cannot take."""
    if len(body) != 1 or body[0][0] not in _SINGLE or not behind or behind[0][0] is not sre.LITERAL:
        return False
    return sre_compiler.compile(body).fullmatch(chr(behind[0][1])) is None


def _literal_steps(run: list[str]) -> int:
    """Return how many letters of a run match on average over all places of any text.

    A place of the text can belong to several matches only where each begins with the first letter: to as many at most
    as the run has of that letter.
    """
    return run.count(run[0])


def _weigh_part(op: int, args: _Args, text: _Text, passed: int) -> _Weight:
    if op in _REFUSED:
        raise PatternError(f"a pattern without {_REFUSED[op]}")
    if op in _REPEATS:
        low, high, body = args
        return _weigh_repeat(low, high, body, text, passed)
    if op is sre.SUBPATTERN:
        return _weigh(args[-1], text._replace(usual=False), passed)
    if op is sre.ATOMIC_GROUP:
        return _weigh(args, text, passed)
    if op is sre.BRANCH:
        branches = [_weigh(branch, text, passed) for branch in args[1]]
        steps, ways, least = zip(*branches, strict=True)
        return _Weight(sum(steps) + len(branches), sum(ways), min(least))
    return _Weight(1, 1, passed)


def _weigh_repeat(low: int, high: int, body: sre_parser.SubPattern, text: _Text, passed: int) -> _Weight:
    once = _weigh(body, text, passed)
    if once.open_ended > passed and high > 1:
        raise PatternError("a pattern without repeats inside repeats")
    if high > LONG_REPEAT:
        if once.ways > 1:
            raise PatternError("a pattern without alternatives or optional parts inside open-ended repeats")
        # the lengths of all such repeats together are at most that of the text
        ways = text.length / (passed + 2)
        return _Weight(ways * max(once.steps, 1), ways, passed + 1)
    ways = sum(once.ways**times for times in range(low, high + 1))
    tried = sum(once.ways**times for times in range(high))
    return _Weight(1 + tried * once.steps, min(ways, _TOO_MANY), once.open_ended if low else passed)
