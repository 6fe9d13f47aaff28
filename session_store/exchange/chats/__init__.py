"""Chats of other programs: ChatGPT and Open WebUI."""
