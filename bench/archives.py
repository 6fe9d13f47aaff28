"""Imports the exports of other chat programs, and exports them again: seconds, and peak memory.

    python -m bench.archives [--chats 1000] [--pictures 300]

Three files: a ChatGPT archive and an Open WebUI export with this many chats of twenty messages, and a ChatGPT archive
with this many pictures of a megabyte, ten to a chat. Each step runs in a process of its own; its memory counts from
what the process used before the step.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from session_store import Store
from session_store.exchange import Format, export, import_file, selected

AT: Final = 1_770_000_000
TURNS: Final = 10
PICTURES_OF_CHAT: Final = 10
QUESTION: Final = "Which trains go to Lisbon, and which of them at night?"
ANSWER: Final = "There are three trains, one of which goes at night. " * 8


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chats", type=int, default=1_000)
    parser.add_argument("--pictures", type=int, default=300)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kinds: dict[str, Callable[[Path], None]] = {
            f"ChatGPT, {chosen.chats:,} chats": lambda path: _write_chatgpt(path, chosen.chats, 0),
            f"Open WebUI, {chosen.chats:,} chats": lambda path: _write_open_webui(path, chosen.chats),
            f"ChatGPT, {chosen.pictures:,} pictures": lambda path: _write_chatgpt(
                path, -(-chosen.pictures // PICTURES_OF_CHAT), min(chosen.pictures, PICTURES_OF_CHAT)
            ),
        }
        for name, write in kinds.items():
            file, database, archive = (Path(folder, f"{name}{suffix}") for suffix in (".export", ".duckdb", ".zip"))
            write(file)
            print(f"{name} ({_size(file)})")
            _tell("import", _import, database, file)
            print(f"  the database has {_size(database)}")
            _tell("export as ZIP", _export, database, archive)
            print(f"  the archive has {_size(archive)}")


def _tell(name: str, step: Callable[[Store, Path], None], database: Path, file: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_measured, args=(theirs, step, database, file))
    process.start()
    theirs.close()
    seconds, cpu, memory = ours.recv()
    process.join()
    print(f"  {name}: {seconds:.1f} s, {cpu:.1f} s of processors, {memory:,.0f} MB", flush=True)


def _measured(answer: Any, step: Callable[[Store, Path], None], database: Path, file: Path) -> None:  # noqa: ANN401
    store = Store(database)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin, worked = time.perf_counter(), time.process_time()
    step(store, file)
    taken, cpu = time.perf_counter() - begin, time.process_time() - worked
    answer.send((taken, cpu, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1_000))
    store.close()


def _import(store: Store, file: Path) -> None:
    import_file(store, file)


def _export(store: Store, file: Path) -> None:
    export(store, selected(store), Format.ZIP, file)


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:,.1f} MB"


def _write_chatgpt(path: Path, chats: int, pictures: int) -> None:
    """Writes an archive of ChatGPT. The pictures are noise, which compresses as little as real ones."""
    chance = random.Random(1)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        made = []
        for number in range(chats):
            names = [f"file-{number}x{place}" for place in range(pictures)]
            for name in names:
                data = b"\x89PNG\r\n\x1a\n" + chance.randbytes(1_000_000)
                archive.writestr(f"{name}-photo.png", data, zipfile.ZIP_STORED)
            made.append(_gpt_chat(number, names))
        archive.writestr("conversations.json", json.dumps(made))


def _gpt_chat(number: int, files: list[str]) -> dict[str, Any]:
    mapping: dict[str, Any] = {"m0": {"id": "m0", "parent": None, "children": ["m1"], "message": None}}
    for place in range(1, 2 * TURNS + 1):
        asks = place % 2 == 1
        named = files[place // 2 : place // 2 + 1] if asks else []
        pictures = [{"content_type": "image_asset_pointer", "asset_pointer": f"file-service://{one}"} for one in named]
        mapping[f"m{place}"] = {
            "id": f"m{place}",
            "parent": f"m{place - 1}",
            "children": [f"m{place + 1}"] if place < 2 * TURNS else [],
            "message": {
                "id": f"m{number}-{place}",
                "author": {"role": "user" if asks else "assistant"},
                "create_time": AT + number * 1000 + place,
                "content": {
                    "content_type": "multimodal_text" if pictures else "text",
                    "parts": [*pictures, f"{QUESTION} {number} {place}" if asks else ANSWER],
                },
                "metadata": {} if asks else {"model_slug": "gpt-4o"},
            },
        }
    return {
        "conversation_id": f"gpt-{number}",
        "title": f"Trains {number}",
        "create_time": AT + number * 1000,
        "update_time": AT + number * 1000 + 100,
        "current_node": f"m{2 * TURNS}",
        "mapping": mapping,
    }


def _write_open_webui(path: Path, chats: int) -> None:
    made = []
    for number in range(chats):
        messages = {}
        for place in range(1, 2 * TURNS + 1):
            asks = place % 2 == 1
            messages[f"m{place}"] = {
                "id": f"m{place}",
                "parentId": f"m{place - 1}" if place > 1 else None,
                "childrenIds": [f"m{place + 1}"] if place < 2 * TURNS else [],
                "role": "user" if asks else "assistant",
                "content": f"{QUESTION} {number} {place}" if asks else ANSWER,
                "timestamp": AT + number * 1000 + place,
                **({} if asks else {"model": "llama3.2:3b", "done": True}),
            }
        history = {"messages": messages, "currentId": f"m{2 * TURNS}"}
        times = {"created_at": AT + number * 1000, "updated_at": AT + number * 1000 + 100}
        made.append({"id": f"webui-{number}", "title": f"Trains {number}", "chat": {"history": history}, **times})
    path.write_text(json.dumps(made), "utf-8")


if __name__ == "__main__":
    main()
