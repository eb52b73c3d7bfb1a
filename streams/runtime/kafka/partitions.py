"""Which partition a key belongs to: murmur2, so one resource has one number everywhere."""

from aiokafka.partitioner import murmur2


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a key, 0 to partitions - 1."""
    hashed: int = murmur2(key)
    return (hashed & 0x7FFFFFFF) % partitions
