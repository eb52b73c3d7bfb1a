"""The phase of a poll: its second within the interval. A hash, so that nothing has to be remembered or agreed upon."""

from hashlib import blake2b


def phase(identity: str, job_name: str, interval_s: int) -> int:
    """Return the second of the interval, 0 <= phase < interval_s, in which this job of this resource is polled.

    BLAKE2b with a digest of 8 bytes (RFC 7693) over `identity NUL job_name` in UTF-8, read as a big-endian number,
    modulo the interval. It depends on nothing else: restarts, leaders and worker counts leave it as it is. Test vector:
    `phase("lab|network|cisco|switch|sw1", "interfaces/if-mib/60", 60) == 7`.

    A slot of the job is a second with `(slot - phase) % interval_s == 0`. Raises ValueError if interval_s < 1.
    """
    if interval_s < 1:
        raise ValueError(f"an interval of {interval_s} s")
    digest = blake2b(f"{identity}\0{job_name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) % interval_s
