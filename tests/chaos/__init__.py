"""Real processes on real services, and what becomes of the schedule when any of them dies."""
