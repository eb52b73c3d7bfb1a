"""Maps keys to partitions by murmur2, so that a resource has the same partition number in every topic."""

from aiokafka.partitioner import murmur2


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a key, 0 to partitions - 1."""
    hashed: int = murmur2(key)
    return (hashed & 0x7FFFFFFF) % partitions
