"""The resources stage."""
