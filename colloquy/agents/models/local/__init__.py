"""Models in GGUF files, each in a child process on this machine."""
