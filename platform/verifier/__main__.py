"""The verifier as a program."""

import sys

from verifier.cli import main

if __name__ == "__main__":
    sys.exit(main())
