"""From a name to a ready model: registry, files, tokenizers."""
