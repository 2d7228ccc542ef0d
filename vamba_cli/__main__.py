"""`python -m vamba_cli` is `vamba`."""

import sys

from vamba_cli.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
