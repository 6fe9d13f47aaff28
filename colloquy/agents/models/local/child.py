"""The program of the child process that runs a GGUF model. It is run by path and imports nothing from Colloquy.

It reads one line of JSON from standard input (``path``, ``context`` in tokens for one conversation, ``slots`` for
simultaneous conversations, ``threads``, ``key``, ``sampling``), loads the model, and answers with one line of JSON on
standard output: ``{"address": "http://127.0.0.1:…"}`` once it serves OpenAI's protocol there, or ``{"error": "…"}``. It
ends when its standard input does, which also happens if the parent is killed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

PROMPT_CACHE_MIB = 256
"""Memory for the caches of conversations that gave up their slot; llama.cpp would use up to 8 GB."""

ERRORS_ONLY = 1


def main() -> None:
    """Serve one model until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    request = json.loads(sys.stdin.buffer.readline())
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # keeps the output of native code out of the answers
    server = None
    try:
        server = _serve(request)
        answer = {"address": server.listening_address}
    except Exception as error:  # noqa: BLE001 - the parent turns it into a message
        answer = {"error": str(error)}
    answers.write(json.dumps(answer) + "\n")
    answers.close()
    if server is not None:
        sys.stdin.buffer.read()
    os._exit(0)  # at once: joining the native threads would wait for a prompt that is being read


def _serve(request: dict[str, Any]) -> Any:  # noqa: ANN401 - the native module has no types
    import xllamacpp  # noqa: PLC0415 - here, so that its failure is reported too

    params = xllamacpp.CommonParams()
    params.model.path = request["path"]
    params.n_parallel = request["slots"]
    params.n_ctx = request["context"] * request["slots"]  # llama.cpp divides it among the slots
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = request["threads"]
    params.cache_ram_mib = PROMPT_CACHE_MIB
    for name, value in request["sampling"].items():
        setattr(params.sampling, name, value)
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [request["key"]]
    params.ui = False
    params.verbosity = ERRORS_ONLY
    return xllamacpp.Server(params)


if __name__ == "__main__":
    main()
