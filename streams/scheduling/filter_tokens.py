"""The tokens of a resource filter with their positions, and the error that points at one."""

import enum
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from schemas.errors import PanoptesError

MAX_LENGTH: Final = 10_000
_SHOWN: Final = 60  #: characters of the filter on either side of the caret


class TokenKind(enum.Enum):
    WORD = enum.auto()
    TEXT = enum.auto()  #: quoted; `value` is what stands between the quotes
    SIGN = enum.auto()
    END = enum.auto()


class Token(NamedTuple):
    kind: TokenKind
    value: str
    at: int  #: position in the filter, from 0

    def is_word(self, *words: str) -> bool:
        """Return whether it is one of these keywords, however it is written."""
        return self.kind is TokenKind.WORD and self.value.lower() in words

    def is_sign(self, *signs: str) -> bool:
        return self.kind is TokenKind.SIGN and self.value in signs

    def __str__(self) -> str:
        return "the end" if self.kind is TokenKind.END else repr(self.value)


class FilterError(PanoptesError):
    """An invalid filter; the text shows where, with a caret under it."""

    def __init__(self, problem: str, text: str, at: int) -> None:
        start = max(0, at - _SHOWN)
        # one character a column, so that the caret stands where it should
        line = "".join(c if c.isprintable() else " " for c in text[start : at + _SHOWN])
        super().__init__(f"{problem} at position {at + 1}\n    {line}\n    {' ' * (at - start)}^")
        self.problem = problem
        self.at = at


_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)
      | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
      | (?P<word>[\w.:/%*+@-]+)
      | (?P<sign>!=|<>|==|=|\(|\)|,)""",
    re.VERBOSE,
)


def tokens(text: str) -> Iterator[Token]:
    """Yield the filter's tokens, an END last. Raises FilterError."""
    if len(text) > MAX_LENGTH:
        raise FilterError(f"expected at most {MAX_LENGTH} characters, found {len(text)}", text, MAX_LENGTH)
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            unclosed = text[at] in "'\""
            raise FilterError("this quote is never closed" if unclosed else f"unexpected {text[at]!r}", text, at)
        if match.lastgroup == "text":
            quote = match[0][0]
            yield Token(TokenKind.TEXT, match[0][1:-1].replace(quote * 2, quote), at)
        elif match.lastgroup == "word":
            yield Token(TokenKind.WORD, match[0], at)
        elif match.lastgroup == "sign":
            yield Token(TokenKind.SIGN, match[0], at)
        at = match.end()
    yield Token(TokenKind.END, "", at)
