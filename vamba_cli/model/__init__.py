"""The VAMBA network (arXiv 2503.11579): tensors in, tensors out; no files, no devices chosen, no printing."""
