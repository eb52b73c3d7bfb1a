"""The API under `/api/v1`: everything that the models know, as JSON."""
