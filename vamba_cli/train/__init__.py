"""Makes the bundled checkpoint and fine-tunes: synthetic lectures, the loop, evaluation and export."""
