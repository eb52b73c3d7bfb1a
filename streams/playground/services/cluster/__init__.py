"""The local services as a cluster: what a stack is with `--cluster`."""
