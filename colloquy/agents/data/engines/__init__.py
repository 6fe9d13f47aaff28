"""One module for each kind of database: how it is opened read only and locked, what is in it, and how a query runs."""
