"""The second line of defense: queries run in processes that have hard limits and can be killed."""
