"""Models in GGUF files, each in its own child process on this machine."""
