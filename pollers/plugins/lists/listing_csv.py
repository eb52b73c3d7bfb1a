"""Parses CSV lists: a header line, then one row for each entry."""

import csv

from pollers.plugins.lists.entries import Entry, Listing, Wrong


def parse_csv(text: str) -> Listing:
    """Return the rows under a header line; comma or semicolon; lines that begin with # are comments."""
    numbered = [(n, line) for n, line in enumerate(text.splitlines(keepends=True), 1) if not line.startswith("#")]
    if not numbered:
        return Listing([], [])
    header = numbered[0][1]
    delimiter = ";" if ";" in header and "," not in header else ","
    reader = csv.reader((line for _, line in numbered), delimiter=delimiter, strict=True)
    entries: list[Entry] = []
    wrong: list[Wrong] = []
    names: list[str] | None = None
    consumed = 0
    try:
        for row in reader:
            line, consumed = numbered[consumed][0], reader.line_num
            if not any(cell.strip() for cell in row):
                continue
            if names is None:
                names = [cell.strip() for cell in row]
            elif len(row) != len(names):
                wrong.append(Wrong(line, f"expected {len(names)} columns as in the header, found {len(row)}"))
            else:
                entries.append(
                    Entry(line, {n: cell.strip() for n, cell in zip(names, row, strict=True) if cell.strip()})
                )
    except csv.Error as error:
        line = numbered[min(consumed, len(numbered) - 1)][0]
        wrong.append(Wrong(line, f"not CSV: {error}; mend the quotes, the lines after it were not read"))
    twice = sorted({name for name in names or () if (names or ()).count(name) > 1})
    if twice:
        return Listing([], [Wrong(numbered[0][0], f"column {twice[0]!r} stands there twice: remove one")])
    return Listing(entries, wrong)
