"""The saved conversations over HTTP: found, labelled, exported, imported, removed."""
