"""What all routes share: middleware, errors, lists in pages, values."""
