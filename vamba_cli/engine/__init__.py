"""Video and model to memory, memory to text and scores."""
