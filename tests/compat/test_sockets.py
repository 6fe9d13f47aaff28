"""Responses are sent without delay, whatever created the socket that the app listens on."""

from __future__ import annotations

import asyncio
import socket

import pytest
import streamlit as st

from colloquy.compat.sockets import send_without_delay
from colloquy.ui.served.server import serve
from tests.support.scripted import ScriptedModels

pytestmark = pytest.mark.upstream


@pytest.fixture(params=[(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")], ids=["IPv4", "IPv6"])
def listening(request):
    """A socket that does not identify itself as TCP, as made by Streamlit."""
    family, host = request.param
    with socket.socket(family) as made:
        try:
            made.bind((host, 0))
        except OSError as error:
            pytest.skip(str(error))
        yield made


async def sends_at_once(listening: socket.socket) -> bool:
    """Whether connections to a server on this socket delay no small responses."""
    options: asyncio.Queue[int] = asyncio.Queue()

    def accepted(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ours = writer.get_extra_info("socket")
        options.put_nowait(ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async with await asyncio.start_server(accepted, sock=listening):
        _, writer = await asyncio.open_connection(*listening.getsockname()[:2])
        try:
            return bool(await asyncio.wait_for(options.get(), 30))
        finally:
            writer.close()


async def test_connections_send_without_delay(listening):
    send_without_delay(asyncio.get_running_loop())
    assert await sends_at_once(listening)


async def test_the_app_disables_the_delay_before_it_listens(listening, tmp_path, monkeypatch):
    monkeypatch.setenv("COLLOQUY_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("colloquy.ui.served.server.expect_known_hosts", lambda: None)  # it would affect all later tests
    options = serve(ScriptedModels())
    async with options["lifespan"](st.App(**options)):
        assert await sends_at_once(listening)
