"""Who is let in: passwords, a proxy's word, sessions, and how often one may try."""
