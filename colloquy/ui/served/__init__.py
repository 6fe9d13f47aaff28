"""How the pages are served: the document, hosts, and what happens at start and end."""
