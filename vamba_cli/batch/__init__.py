"""Many videos, nothing lost, nothing done twice: claims, records and results on disk, and the processes that work."""
