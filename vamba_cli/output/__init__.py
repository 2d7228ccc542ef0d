"""A result to text: one pure function per format, and one table of them."""
