"""The trace behind `panoptes poll --explain`: one entry for each request, made when it is answered or given up."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias


class Exchanged(NamedTuple):
    """One request and its result."""

    device: str  #: endpoint as configured
    engine: str
    pdu: str  #: get, getnext, getbulk
    first: str  #: the first OID asked for
    names: int  #: OIDs in the request
    repetitions: int  #: of a getbulk, else 0
    request_bytes: int
    response_bytes: int  #: 0 where none came
    values: int  #: that the response gave
    duration_ms: float
    attempt: int  #: 0 for the first
    page_bytes: int  #: what responses are planned to be no longer than
    outcome: str  #: ok, timeout, damaged: why, refused: why


Trace: TypeAlias = Callable[[Exchanged], None]
