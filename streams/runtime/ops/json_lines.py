"""Formats log lines as JSON objects, one a line; `key=value` in a message becomes a field."""

import json
import logging
import re
import time
from typing import Final

_PAIR: Final = re.compile(r"(?:^|(?<=\s))([a-z][a-z0-9_]*)=(\"[^\"]*\"|\S+)")

#: for Faust, which puts it over its own; on standard error, whatever --logfile says
LOGGING: Final[dict[str, object]] = {
    "version": 1,
    "merge": True,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "streams.runtime.ops.json_lines.JsonFormatter"}},
    "handlers": {"default": {"class": "logging.StreamHandler", "formatter": "json"}},
}


class JsonFormatter(logging.Formatter):
    """Fields: time (UTC, ISO 8601), level, logger, process, message, its `key=value`; `error` where there is a
    traceback.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the log record as one line."""
        text = record.getMessage()
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "time": f"{at}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": text,
        }
        if fields := {key: value.strip('"') for key, value in _PAIR.findall(text)}:
            line["fields"] = fields
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
