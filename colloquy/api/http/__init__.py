"""What all routes share: middleware, errors, paging and value types."""
