"""Operations of the network that have a fast implementation on GPUs, each behind one function (`dispatch.py`)."""
