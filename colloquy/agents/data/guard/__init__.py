"""The first line of defense: reads and judges every query before any engine sees it."""
