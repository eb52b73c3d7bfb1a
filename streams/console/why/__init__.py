"""Why a number is what it is, or is absent: worked out again by the fold itself from `raw-counters`."""
