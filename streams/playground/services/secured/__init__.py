"""The local services with TLS, users and least privilege, for `--secure`."""
