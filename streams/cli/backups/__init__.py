"""`panoptes backup` and `restore`: what only this pipeline knows, in one file."""
