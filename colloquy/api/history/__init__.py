"""The saved conversations over HTTP: searching, labeling, exporting, importing and removing them."""
