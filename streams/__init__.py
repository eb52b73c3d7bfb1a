"""The stages of the pipeline, and the runtime that hosts them."""
