"""Creates a stage's Faust `app` on first access: importing a stage's pure modules loads neither Faust nor settings."""

import importlib
import sys
from collections.abc import Callable
from typing import Final

from schemas.errors import FatalError
from streams.runtime.ops.compiled import refuse_stale

EXIT_BAD_SETTINGS: Final = 2


def lazy_app(stage_package: str) -> Callable[[str], object]:
    """Return a module `__getattr__` (PEP 562) that creates `app` once, for the worker of the stage's agent file.

    Compiled modules of other sources, and settings that cannot be used, end the process with status 2 and a line each.
    """

    def module_getattr(name: str) -> object:
        if name != "app":
            raise AttributeError(f"module {stage_package!r} has no attribute {name!r}")
        try:
            refuse_stale()
            worker = importlib.import_module(f"{stage_package}.agent").build()
            app: object = importlib.import_module("streams.runtime.faust.app").StageApp(worker)
        except FatalError as error:  # wrong settings: all of them are named, and nothing is started
            sys.stderr.write(f"{error}\n")
            raise SystemExit(EXIT_BAD_SETTINGS) from None
        vars(sys.modules[stage_package])["app"] = app
        return app

    return module_getattr
