"""A path to numpy frames with true times. The only layer that touches av."""
