"""Reading tables, as machines that say what to ask next: walks, GETs, learnt rows; no I/O."""
