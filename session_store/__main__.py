"""``python -m session_store``: import, export and back up conversations."""

import sys

from session_store.exchange.command import main

if __name__ == "__main__":
    sys.exit(main())
