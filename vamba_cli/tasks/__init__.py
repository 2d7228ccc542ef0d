"""One file per thing that a user wants of a video: its prompt, its parser, its run."""
