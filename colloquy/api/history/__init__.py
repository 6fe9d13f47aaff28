"""The saved conversations over HTTP: searching, labelling, exporting, importing and removing them."""
