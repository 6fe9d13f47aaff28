"""What happens in sessions, sent to clients as it happens."""
