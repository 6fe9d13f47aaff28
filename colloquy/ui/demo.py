"""Generated conversations: the badge that marks them on every page, and the offer of a data folder of them to users
who have no conversations of their own yet."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import streamlit as st

from colloquy.demo import is_demo
from colloquy.runtime.application import DATABASE, DEMO, current
from colloquy.ui.formatting import plain_markdown

ROOT = Path(__file__).parents[2]

PORT = 8502
_KEPT_BACK = ("GOOGLE_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY")


def demo_offer() -> None:
    """Draws a button that creates the folder, or how to open it if it exists. It stays separate from this app's
    chats."""
    folder = (current().settings.data_dir / DEMO).absolute()
    st.markdown("Or explore this page with a year of sample chats, kept in a separate data folder.")
    if not (folder / DATABASE).exists():
        if not st.button("Make demo data", key="make-demo", icon=":material/science:"):
            return
        with st.spinner("Generating 2,000 chats …"):
            problem = _make(folder)
        if problem:
            st.error(plain_markdown(problem))
            return
    st.success("The demo data is ready. Start a second Colloquy with it:", icon=":material/check:")
    st.code(command(folder), language="shell", wrap_lines=True)
    st.caption(f"Then open http://localhost:{PORT}. Every page is marked as demo data.")


def command(folder: Path) -> str:
    """Returns the command that starts Colloquy on a data folder."""
    if os.name == "nt":
        return f"$env:COLLOQUY_DATA_DIR='{folder}'; python -m streamlit run app.py --server.port {PORT}"
    return f"COLLOQUY_DATA_DIR={shlex.quote(str(folder))} make run PORT={PORT}"


def _make(folder: Path) -> str:
    """Creates the folder in a child process. Returns what went wrong, or an empty string."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith(_KEPT_BACK)}
    done = subprocess.run(  # noqa: S603 - this interpreter and a module of this project
        [sys.executable, "-m", "colloquy.demo", "--folder", str(folder)],
        cwd=ROOT,
        env=environment | {"PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    if done.returncode == 0:
        return ""
    lines = done.stderr.strip().splitlines() or ["no reason was given"]
    return f"The demo data could not be generated: {lines[-1]}"


def demo_mark() -> None:
    """Draws a badge; nothing in a data folder of real conversations."""
    if is_demo(current().store):
        st.badge("Demo data (generated chats)", icon=":material/science:", color="orange")
