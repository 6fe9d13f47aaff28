"""What happens in sessions, told to clients as it happens."""
