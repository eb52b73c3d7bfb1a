"""Regular expressions from profiles: only such as cannot run away, on texts cut to what they can bear.

Python's matcher backtracks, so a pattern is measured before it is used: repeats inside repeats, back references and
look-arounds are refused, and the number of open-ended repeats decides how long a text may be (their product is the
worst case: about ten million steps, a tenth of a second).
"""

import re
from re import _constants as sre  # type: ignore[attr-defined]  # the matcher's own tree; there is no public one
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any, Final, NamedTuple

MAX_PATTERN: Final = 500
#: open-ended repeats in the pattern -> characters of text that are looked at
TEXT_LIMIT: Final = {0: 65_536, 1: 4_096, 2: 400, 3: 128}
#: a repeat with an upper bound above this counts as open-ended
LONG_REPEAT: Final = 16

#: what Python may one day read as sets within sets
_NESTED_SET: Final = re.compile(r"(?<!\\)\[\^?\]?(?:[^\]\\]|\\.)*?(?:\[|--|&&|\|\||~~)")
_REFUSED: Final = {
    sre.GROUPREF: "back references",
    sre.GROUPREF_EXISTS: "conditional groups",
    sre.ASSERT: "look-arounds",
    sre.ASSERT_NOT: "look-arounds",
}
_REPEATS: Final = {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}


class PatternError(ValueError):
    """The text is no pattern, or one that could run away; the message says which part."""


class Pattern(NamedTuple):
    regex: re.Pattern[str]
    limit: int  #: characters of a text that are looked at

    def search(self, text: str) -> re.Match[str] | None:
        return self.regex.search(text[: self.limit])


def compile_pattern(text: str) -> Pattern:
    """Return the pattern with the length of text it can bear. Raises PatternError."""
    if len(text) > MAX_PATTERN:
        raise PatternError(f"a pattern of at most {MAX_PATTERN} characters")
    if _NESTED_SET.search(text):
        raise PatternError("a pattern without [ and without --, &&, || and ~~ between [ and ]")
    try:
        tree = sre_parser.parse(text)
        repeats = _open_repeats(tree, inside=False)
        regex = re.compile(text)
    except PatternError:
        raise
    except (re.error, OverflowError, RecursionError, ValueError) as error:
        raise PatternError(f"a regular expression ({error})") from error
    if repeats not in TEXT_LIMIT:
        raise PatternError(f"a pattern with at most {max(TEXT_LIMIT)} open-ended repeats (this one has {repeats})")
    return Pattern(regex, TEXT_LIMIT[repeats])


def _open_repeats(tree: Any, *, inside: bool) -> int:
    """Return how many open-ended repeats the tree holds. Raises PatternError for what is refused."""
    count = 0
    for op, args in tree:
        if op in _REFUSED:
            raise PatternError(f"a pattern without {_REFUSED[op]}")
        if op in _REPEATS:
            _low, high, body = args
            open_ended = high > LONG_REPEAT
            if inside and high > 1:
                raise PatternError("a pattern without repeats inside repeats")
            count += open_ended + _open_repeats(body, inside=inside or high > 1)
        elif op is sre.SUBPATTERN:
            count += _open_repeats(args[-1], inside=inside)
        elif op is sre.ATOMIC_GROUP:
            count += _open_repeats(args, inside=inside)
        elif op is sre.BRANCH:
            if inside:
                raise PatternError("a pattern without alternatives inside repeats")
            count += max(_open_repeats(branch, inside=inside) for branch in args[1])
    return count
