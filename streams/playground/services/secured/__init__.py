"""The local services with TLS, users and least privilege: what a stack is with `--secure`."""
