"""Charts as pictures, drawn in separate processes."""
