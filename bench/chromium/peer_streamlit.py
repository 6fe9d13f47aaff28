"""The same chat the way Streamlit's tutorials build it: what the browser benchmark compares Colloquy with.

Every run draws the whole conversation, and the answer streams during the run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import streamlit as st

from bench.data.conversations import conversations
from tests.support.scripted import COUNT, note_times


@st.cache_resource
def chats() -> dict[str, tuple[str, list[str]]]:
    return {chat.id: (chat.title, list(chat.messages)) for chat in conversations()}


def answer(message: str) -> Iterator[str]:
    script = COUNT.search(message)
    number, pause = (int(script[1]), int(script[2] or 0) / 1000) if script else (0, 0.0)
    begin = time.perf_counter()
    first = last = time.time()
    for i in range(number):
        last = time.time()
        yield f"w{i} "
        time.sleep(max(0.0, begin + (i + 1) * pause - time.perf_counter()))
    note_times(message, first, last)


def open_chat(chat_id: str) -> None:
    st.query_params["session"] = chat_id


st.set_page_config(page_title="Plain", layout="centered")
with st.sidebar:
    for chat_id, (title, _) in chats().items():
        st.button(title, key=chat_id, on_click=open_chat, args=(chat_id,), width="stretch")

messages = chats()[st.query_params.get("session", next(iter(chats())))][1]
for place, message in enumerate(messages):
    with st.chat_message("assistant" if place % 2 else "user"):
        st.markdown(message)
if prompt := st.chat_input("Write a message"):
    with st.chat_message("user"):
        st.markdown(prompt)
    with st.chat_message("assistant"):
        said = st.write_stream(answer(prompt))
    messages.extend([prompt, str(said)])
