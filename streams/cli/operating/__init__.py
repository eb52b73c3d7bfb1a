"""Sub-commands that install and run the pipeline."""
