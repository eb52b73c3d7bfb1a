"""The least rights that each stage needs in the services, derived from `streams/pipeline.py`."""
