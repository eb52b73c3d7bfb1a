"""One device: the way to it, what is remembered of it, and what an operator is told of its silence; no I/O."""
