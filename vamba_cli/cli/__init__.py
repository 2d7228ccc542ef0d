"""The command line: the only layer that knows terminals and exit codes. A command is options, one call, one render."""
