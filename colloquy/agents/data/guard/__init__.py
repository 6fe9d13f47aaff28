"""The first wall: what a query says is judged before any engine sees it."""
