"""Reads ini files and environment variables with the origin of every value, and collects all errors."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

ENV_PREFIX: Final = "PANOPTES_"
#: what is added to a secret's key to name a file that holds it
FROM_FILE: Final = "_file"
#: names of this prefix that are no settings
ENV_CONFIG: Final = "PANOPTES_CONFIG"
#: which of several `[sink:NAME]` a worker serves
ENV_SINK: Final = "PANOPTES_SINK"
#: what Kubernetes puts into every container for a service whose name begins with panoptes
_KUBERNETES: Final = re.compile(r"_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$")
_SECTION: Final = re.compile(r"^\[([^\]]*)\]$")
_KEY: Final = re.compile(r"^([^=:\s]+)\s*[=:]\s*(.*)$")


class IniEntry(NamedTuple):
    value: str
    where: str  #: for people: file:line, or the environment variable


@dataclass(slots=True)
class Raw:
    """The sections as written; later sources override earlier ones."""

    sections: dict[str, dict[str, IniEntry]] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)  #: section -> where it was first opened
    problems: list[str] = field(default_factory=list)

    def put(self, section: str, key: str, entry: IniEntry) -> None:
        self.sections.setdefault(section, {})[key] = entry
        self.where.setdefault(section, entry.where)


def read_files(path: Path) -> Raw:
    """Read the file and `conf.d/*.ini` beside it, in the order of their names."""
    raw = Raw()
    for file in (path, *sorted(path.parent.joinpath("conf.d").glob("*.ini"))):
        try:
            text = file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as problem:
            raw.problems.append(f"{file}: expected UTF-8 text, found byte {problem.object[problem.start]:#04x}")
        except OSError as problem:
            raw.problems.append(f"{file}: expected a file that can be read: {problem.strerror}")
        else:
            _read_text(raw, text, str(file))
    return raw


def _read_text(raw: Raw, text: str, name: str) -> None:
    """Add one file's sections: `[section]`, `key = value`, `#` and `;` lines, indented lines continue a value."""
    section: str | None = None
    key: str | None = None
    seen: dict[tuple[str, str], int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        where, words = f"{name}:{number}", line.strip()
        if not words or words[0] in "#;":
            continue
        if line[0] in " \t" and section is not None and key is not None:
            entry = raw.sections[section][key]
            raw.put(section, key, IniEntry(f"{entry.value} {words}".strip(), entry.where))
        elif (heading := _SECTION.match(words)) is not None:
            section, key = heading[1].strip(), None
            raw.sections.setdefault(section, {})
            raw.where.setdefault(section, where)
        elif section is None:
            raw.problems.append(f"{where}: expected a [section] first")
        elif (setting := _KEY.match(words)) is None:
            raw.problems.append(f"{where}: [{section}]: expected `key = value`")
        else:
            key = setting[1].lower()
            if (section, key) in seen:
                raw.problems.append(f"{where}: [{section}] {key}: expected once, also on line {seen[section, key]}")
            seen[section, key] = number
            raw.put(section, key, IniEntry(setting[2].strip(), where))


def read_environment(raw: Raw, environ: Mapping[str, str], known: Mapping[str, Iterable[str] | None]) -> None:
    """Add `PANOPTES_<SECTION>_<KEY>`, which wins over files.

    `known` gives each section's keys, None where any key goes (plugin sections). A variable of an unknown section is
    left alone, since others use the prefix too, unless its name is a near miss. Sections that a variable could not tell
    apart are a fault, whether there is one or not.
    """
    _tell_apart(raw, known)
    by_prefix = {f"{ENV_PREFIX}{variable_part(section)}_": section for section in known}
    for name in sorted(environ):
        if not name.startswith(ENV_PREFIX) or name in (ENV_CONFIG, ENV_SINK):
            continue
        fitting = [prefix for prefix in by_prefix if name.startswith(prefix) and name != prefix]
        entry = IniEntry(environ[name], f"environment {name}")
        target = _target(name, sorted(fitting, key=len, reverse=True), by_prefix, known)
        if target is not None:
            raw.put(*target, entry)
        elif not _KUBERNETES.search(name):
            _report(raw, name, fitting, by_prefix, known)


def read_secret_files(raw: Raw, section: str, keys: Iterable[str]) -> None:
    """Read the file that `<key>_file` names into a section's secret, without its last newline."""
    for key in keys:
        named = raw.sections.get(section, {}).pop(f"{key}{FROM_FILE}", None)
        if named is None or not named.value:
            continue
        if key in raw.sections[section]:
            raw.problems.append(f"{named.where}: [{section}] {key}{FROM_FILE}: expected not together with {key}")
            continue
        try:
            text = Path(named.value).read_text(encoding="utf-8").removesuffix("\n")
        except (OSError, UnicodeDecodeError) as problem:
            why = problem.strerror if isinstance(problem, OSError) else "it is no UTF-8 text"
            raw.problems.append(f"{named.where}: [{section}] {key}{FROM_FILE}: expected a file that can be read: {why}")
            continue
        raw.put(section, key, IniEntry(text, f"{named.where} ({named.value})"))


def with_credentials(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment with systemd's credentials (`LoadCredential=PANOPTES_...:FILE`), which win."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return environ
    files = {path.name: str(path) for path in sorted(Path(folder).glob(f"{ENV_PREFIX}*"))}
    replaced = {name: value for name, value in environ.items() if name not in files}
    return {**replaced, **{f"{name}{FROM_FILE.upper()}": path for name, path in files.items()}}


def _tell_apart(raw: Raw, sections: Iterable[str]) -> None:
    first: dict[str, str] = {}
    for section in sections:
        variable = variable_part(section)
        other = first.setdefault(variable, section)
        if other != section:
            raw.problems.append(
                f"{raw.where[section]}: [{section}]: expected another name: its variables would be those of [{other}] "
                f"({raw.where[other]}), {ENV_PREFIX}{variable}_..."
            )


def _target(
    name: str, fitting: Iterable[str], by_prefix: Mapping[str, str], known: Mapping[str, Iterable[str] | None]
) -> tuple[str, str] | None:
    open_sections: list[tuple[str, str]] = []
    for prefix in fitting:
        section, key = by_prefix[prefix], name[len(prefix) :].lower()
        keys = known[section]
        if keys is None:
            open_sections.append((section, key))
        elif key in keys:
            return section, key
    return open_sections[0] if open_sections else None


def _report(
    raw: Raw,
    name: str,
    fitting: Iterable[str],
    by_prefix: Mapping[str, str],
    known: Mapping[str, Iterable[str] | None],
) -> None:
    variables = [f"{prefix}{key.upper()}" for prefix, section in by_prefix.items() for key in known[section] or ()]
    # what all names begin with would make any two of them look alike
    rests = [variable.removeprefix(ENV_PREFIX) for variable in variables]
    near = difflib.get_close_matches(name.removeprefix(ENV_PREFIX), rests, n=1, cutoff=0.8)
    meant = f"; did you mean {ENV_PREFIX}{near[0]}?" if near else ""
    if list(fitting) or meant:
        raw.problems.append(f"environment {name}: expected a setting's name{meant}")


def variable_part(section: str) -> str:
    """Return a section's name as it stands in environment variables: `polling:interfaces` gives POLLING_INTERFACES."""
    return re.sub(r"\W", "_", section).upper()


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean X?` with the nearest known word, or an empty text where none is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f"; did you mean {near[0]}?" if near else ""
