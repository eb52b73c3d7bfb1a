"""For those who write profiles: recordings, first drafts, what looks wrong, samples as text."""
