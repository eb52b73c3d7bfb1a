"""Authentication of the console: passwords, a proxy's header, sessions, and a limit on log-in attempts."""
