"""Finds Chromium on this machine."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def chromium_path() -> Path | None:
    """Return the executable of Chromium or Chrome: the one that COLLOQUY_CHROMIUM names, or else one in a usual
    place."""
    if named := os.environ.get("COLLOQUY_CHROMIUM"):
        return Path(named) if Path(named).is_file() else None
    for name in NAMES:
        if found := shutil.which(name):
            return Path(found)
    return next((place for place in _usual_places() if place.is_file()), None)


def _usual_places() -> list[Path]:
    if sys.platform == "darwin":
        inside = [("Google Chrome", "Google Chrome"), ("Chromium", "Chromium"), ("Microsoft Edge", "Microsoft Edge")]
        folders = [Path("/Applications"), Path.home() / "Applications"]
        return [folder / f"{app}.app" / "Contents" / "MacOS" / name for folder in folders for app, name in inside]
    if sys.platform == "win32":
        folders = [
            Path(os.environ[name])
            for name in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")
            if name in os.environ
        ]
        return [
            folder / program
            for folder in folders
            for program in (
                "Google/Chrome/Application/chrome.exe",
                "Chromium/Application/chrome.exe",
                "Microsoft/Edge/Application/msedge.exe",
            )
        ]
    return []
