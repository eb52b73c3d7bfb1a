"""Sub-commands for those who install and run the pipeline."""
