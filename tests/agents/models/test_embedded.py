"""The built-in model in its child process. All of these tests have a real conversation with it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest

from colloquy.agents.models import ModelCatalogue, ModelError
from colloquy.agents.models.local import embedded
from colloquy.agents.models.local.local import LocalProvider
from colloquy.agents.models.local.server import Endpoint
from colloquy.agents.models.provider import ProviderLlm
from colloquy.settings import Settings
from tests.agents.models.conftest import CatalogueOf
from tests.agents.models.conversation import Conversation, streamed, text_of

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def catalogue(models_dir: Path) -> Iterator[ModelCatalogue]:
    made = ModelCatalogue(Settings(_env_file=None, models_dir=models_dir))
    yield made
    made.close()


async def endpoint_of(catalogue: ModelCatalogue) -> Endpoint:
    llm = catalogue.llm("embedded")
    assert isinstance(llm, ProviderLlm)
    assert isinstance(llm.provider, LocalProvider)
    return await llm.provider.server.ready()


async def until_idle(endpoint: Endpoint) -> None:
    headers = {"Authorization": f"Bearer {endpoint.key}"}
    async with httpx.AsyncClient(base_url=endpoint.address, headers=headers, trust_env=False) as http:
        while any(slot["is_processing"] for slot in (await http.get("/slots")).json()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_it_streams_its_answer_and_reports_its_tokens(catalogue: ModelCatalogue):
    events = await Conversation(catalogue.llm("embedded")).say("What is the capital of France?")

    last = events[-1]
    assert streamed(events) == text_of(last)
    assert len([event for event in events if event.partial]) > 3
    assert last.usage_metadata.prompt_token_count > 20
    assert last.usage_metadata.candidates_token_count > 3
    assert last.model_version == "SmolLM2-135M-Instruct.Q4_1"


async def test_it_handles_several_conversations_at_once(catalogue: ModelCatalogue):
    conversations = [Conversation(catalogue.llm("embedded"), longest_answer=16) for _ in range(6)]

    answers = await asyncio.gather(*(one.say(f"Name {n} animals.") for n, one in enumerate(conversations, 2)))

    assert all(text_of(events[-1]) for events in answers)


async def test_stopping_ends_the_generation_in_the_child_process(catalogue: ModelCatalogue):
    endpoint = await endpoint_of(catalogue)
    async with aclosing(Conversation(catalogue.llm("embedded")).events("Tell me a very long story.")) as events:
        async for _ in events:
            break
    await until_idle(endpoint)

    started = asyncio.Event()

    async def turn() -> None:
        async for _ in Conversation(catalogue.llm("embedded")).events("Tell me a very long story."):
            started.set()

    task = asyncio.create_task(turn())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until_idle(endpoint)


async def test_if_the_child_dies_the_turn_fails_with_an_explanation_and_the_next_one_works(catalogue: ModelCatalogue):
    conversation = Conversation(catalogue.llm("embedded"), longest_answer=64)
    endpoint = await endpoint_of(catalogue)

    async def turn_in_which_it_dies() -> None:
        async for _ in conversation.events("Tell me a very long story."):
            endpoint.process.kill()

    with pytest.raises(ModelError, match="stopped unexpectedly"):
        await turn_in_which_it_dies()

    events = await conversation.say("What is the capital of France?")
    assert text_of(events[-1])
    assert (await endpoint_of(catalogue)).process.pid != endpoint.process.pid


async def test_a_conversation_longer_than_the_window_continues(models_dir: Path, catalogue_of: CatalogueOf):
    small = catalogue_of(models_dir=models_dir, context_tokens=512)
    conversation = Conversation(small.llm("embedded"), longest_answer=8)
    for turn in range(4):
        events = await conversation.say(f"Message {turn}: " + "the quick brown fox jumps over the lazy dog " * 12)
        assert events[-1].usage_metadata.prompt_token_count <= 384

    events = await conversation.say("BEGIN " + "naïve 東京 🙂 " * 2000 + "END")

    assert 192 < events[-1].usage_metadata.prompt_token_count <= 384


async def test_the_window_is_never_larger_than_the_model_was_trained_for(models_dir: Path, catalogue_of: CatalogueOf):
    assert (await endpoint_of(catalogue_of(models_dir=models_dir, context_tokens=100_000))).window == 8192


async def test_it_writes_titles(catalogue: ModelCatalogue):
    title = await catalogue.title("embedded", "How do I bake sourdough bread at home without a dutch oven?")

    assert title is None or 3 <= len(title.split()) <= 6
    assert await catalogue.title("embedded", "  ") is None


async def test_other_users_of_the_machine_are_kept_out(catalogue: ModelCatalogue):
    endpoint = await endpoint_of(catalogue)

    assert endpoint.address.startswith("http://127.0.0.1:")
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"{endpoint.address}/slots")).status_code == 401
    assert endpoint.key not in repr(endpoint)
    assert endpoint.key not in " ".join(map(str, endpoint.process.args))


async def test_a_proxy_from_the_environment_is_not_used(
    models_dir: Path, catalogue_of: CatalogueOf, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    events = await Conversation(catalogue_of(models_dir=models_dir).llm("embedded")).say("Hello!")

    assert text_of(events[-1])


async def test_any_gguf_file_can_answer(models_dir: Path, catalogue_of: CatalogueOf):
    catalogue = catalogue_of(gguf_models=str(embedded.path_in(models_dir)))
    llm = catalogue.llm(f"gguf/{Path(embedded.FILE).stem}")

    assert text_of((await Conversation(llm, longest_answer=8).say("Hello!"))[-1])


async def test_a_broken_file_is_explained(catalogue_of: CatalogueOf, tmp_path: Path, models_dir: Path):
    whole = embedded.path_in(models_dir).read_bytes()
    embedded.path_in(tmp_path).write_bytes(whole[: len(whole) // 2])

    with pytest.raises(ModelError, match="could not be loaded"):
        await Conversation(catalogue_of().llm("embedded")).say("Hello!")


async def test_closing_ends_the_child_and_later_messages_are_refused(models_dir: Path, catalogue_of: CatalogueOf):
    catalogue = catalogue_of(models_dir=models_dir)
    llm = catalogue.llm("embedded")
    catalogue.warm("embedded")
    endpoint = await endpoint_of(catalogue)

    catalogue.close()
    catalogue.close()

    assert not endpoint.is_alive
    with pytest.raises(ModelError, match="shutting down"):
        await Conversation(llm).say("Hello!")


PARENT = """
import asyncio, sys
from pathlib import Path
from colloquy.agents.models import ModelCatalogue
from colloquy.settings import Settings

catalogue = ModelCatalogue(Settings(_env_file=None, models_dir=Path(sys.argv[1])))
endpoint = asyncio.run(catalogue.llm("embedded").provider.server.ready())
try:
    print(endpoint.address, flush=True)
    sys.stdin.read()
except KeyboardInterrupt:
    print("interrupted", endpoint.is_alive, flush=True)
    catalogue.close()
"""


def parent(models_dir: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PARENT, str(models_dir)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


async def until_gone(address: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        while True:
            try:
                await http.get(f"{address}/health")
            except httpx.TransportError:
                return
            await asyncio.sleep(0.01)


async def test_the_child_ends_when_its_parent_is_killed(models_dir: Path):
    with parent(models_dir) as process:
        assert process.stdout
        address = process.stdout.readline().strip()
        process.kill()

    await until_gone(address)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process-group SIGINT to send")
async def test_ctrl_c_in_the_terminal_is_handled_by_the_parent_only(models_dir: Path):
    with parent(models_dir) as process:
        assert process.stdout
        assert process.stderr
        address = process.stdout.readline().strip()
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout.readline() == "interrupted True\n"
        assert process.stderr.read() == ""

    await until_gone(address)
