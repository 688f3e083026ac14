"""`python -m vastdesk`."""

import sys

from vastdesk.cli import main

if __name__ == "__main__":
    sys.exit(main())
