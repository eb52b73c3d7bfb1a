"""Records for the model's stages."""

from typing import Any, Final

from schemas.records import Resource

GARBAGE: Final = b"no record"
_NUMBERS: Final = (0, 1, 6, 8, 9, 4)  #: their partitions are 0, 3, 1, 2, 2 and 3
_LARGE: Final = {"large": "x" * 25_000}


def resource(key: int, variant: int, **others: Any) -> Resource:
    """Return one of the model's resources; each variant is at an address of its own, 8 is too large to be sent on."""
    given: dict[str, Any] = {
        "site": "lab", "resource_class": "network", "resource_subclass": "switch", "resource_type": "sim",
        "resource_id": f"sw{_NUMBERS[key]}", "endpoint": f"192.0.2.{variant}", "plugins": ("file",), "first_seen_ms": 0,
        "last_seen_ms": 0, "labels": _LARGE if variant == 8 else {},
    }  # fmt: skip
    return Resource(**{**given, **others})


#: identities, by the number that `resource` takes
KEYS: Final = [resource(key, 2).identity for key in range(len(_NUMBERS))]
