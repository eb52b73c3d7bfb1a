"""What it costs to find devices: `python -m tests.bench.discovery sweep`."""
