"""A stage's `app`, made when it is asked for: importing a pure module of the stage loads neither Faust nor settings."""

import importlib
import sys
from collections.abc import Callable
from typing import Any


def lazy_app(stage_package: str) -> Callable[[str], Any]:
    """Return a module `__getattr__` (PEP 562) that builds `app` with `build()` of the stage's agent file, once."""

    def module_getattr(name: str) -> Any:
        if name != "app":
            raise AttributeError(f"module {stage_package!r} has no attribute {name!r}")
        app = importlib.import_module(f"{stage_package}.agent").build()
        vars(sys.modules[stage_package])["app"] = app
        return app

    return module_getattr
