"""The API under `/api/v1`: everything in the models as JSON."""
