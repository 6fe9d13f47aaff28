"""Reads the chats of other programs: ChatGPT and Open WebUI."""
