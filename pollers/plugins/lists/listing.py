"""Parses JSON, YAML and CSV lists into fields, with the line of each entry."""

from collections.abc import Callable, Mapping
from typing import Final

from pollers.plugins.lists.entries import Entry, Listing, Wrong
from pollers.plugins.lists.listing_csv import parse_csv
from pollers.plugins.lists.listing_json import parse_json
from pollers.plugins.lists.listing_yaml import parse_yaml

__all__ = ["FORMATS", "Entry", "Listing", "Wrong", "parse_csv", "parse_json", "parse_yaml"]

#: format -> its parser; also the endings of file names
FORMATS: Final[Mapping[str, Callable[[str], Listing]]] = {
    "json": parse_json,
    "jsonl": parse_json,
    "yaml": parse_yaml,
    "yml": parse_yaml,
    "csv": parse_csv,
}
