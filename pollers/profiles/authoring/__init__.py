"""Tools for profile authors: recordings, drafts, lint, samples as text."""
