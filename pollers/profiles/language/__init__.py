"""The expressions of profiles: parsed, compiled, computed; values that are absent say why."""
