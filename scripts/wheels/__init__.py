"""Builds what is published: an sdist, a pure wheel, and a compiled wheel for each Python that is here."""
