"""State machines that read tables: walks, GETs, known rows; no I/O."""
