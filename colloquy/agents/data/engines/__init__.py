"""One module per kind of database: opens it read-only, locks it down, lists its contents and runs queries."""
