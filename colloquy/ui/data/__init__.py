"""The parts of the import and export page."""
