"""Heartbeats in a stream that is silent for a while."""

import asyncio

import pytest
from fastapi.sse import KEEPALIVE_COMMENT

from colloquy.api.events.stream import with_heartbeats


async def collected(packets, every):
    return [packet async for packet in with_heartbeats(packets, every=every)]


async def test_silence_is_filled_and_every_packet_is_sent_once_and_in_order():
    spoken = asyncio.Event()

    async def packets():
        yield b"one"
        await spoken.wait()
        yield b"two"

    stream = with_heartbeats(packets(), every=0.01)
    assert [await anext(stream), await anext(stream), await anext(stream)] == [
        b"one",
        KEEPALIVE_COMMENT,
        KEEPALIVE_COMMENT,
    ]
    spoken.set()
    rest = [packet async for packet in stream]
    assert [packet for packet in rest if packet != KEEPALIVE_COMMENT] == [b"two"]


async def test_a_stream_without_pauses_gets_no_heartbeats():
    async def packets():
        for number in range(100):
            yield b"%d" % number

    assert await collected(packets(), every=60) == [b"%d" % number for number in range(100)]


async def test_a_disconnecting_client_ends_its_stream():
    ended = []

    async def packets():
        try:
            yield b"one"
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    stream = with_heartbeats(packets(), every=0.01)
    assert [await anext(stream), await anext(stream)] == [b"one", KEEPALIVE_COMMENT]
    await stream.aclose()
    assert ended == [True]


async def test_errors_are_not_swallowed():
    async def packets():
        yield b"one"
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        await collected(packets(), every=60)
