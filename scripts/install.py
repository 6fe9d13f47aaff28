"""Installs Colloquy into ``.venv``: ``python3 scripts/install.py``. Needs nothing but Python.

Installs only what the requirements files pin, by version and hash, from wheels, and resolves nothing: a release that is
published tomorrow cannot change or break the installation. ``pip check`` then confirms that the pins fit together.

Any Python 3 can run this file. If Colloquy does not support that version, the script looks for one that it does
support. So this file keeps to the syntax of Python 3.6.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 14)
"""The oldest and newest Python for which every pin has a wheel: ``make audit`` checks that."""

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"

REQUIREMENTS = {
    "run": ("requirements.txt",),
    "dev": ("requirements.txt", "requirements-dev.txt"),
    "litellm": ("requirements.txt", "requirements-litellm.txt"),
}

ACCEPTED = ("google-adk 2.13.0 has requirement watchdog<7,>=6, but you have watchdog 7.",)
"""Prefixes of lines of ``pip check`` that do not indicate a problem.

On Macs with Python 3.14, watchdog 6 has no wheel. ADK uses it only in ``adk web --reload_agents``.
"""


class InstallError(Exception):
    """The installation cannot continue; the message says what to do."""


class ConflictError(InstallError):
    """Installed packages conflict: they come from an earlier version of Colloquy, or were installed by hand."""


def main() -> int:
    """Install, and report it on the terminal. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Install Colloquy into .venv, exactly as pinned.")
    parser.add_argument(
        "extra",
        nargs="?",
        choices=sorted(REQUIREMENTS),
        default="run",
        help="dev: also the development tools; litellm: also LiteLLM",
    )
    wanted = REQUIREMENTS[parser.parse_args().extra]
    try:
        python, is_new = environment()
        try:
            install(python, wanted)
        except ConflictError as conflict:
            if is_new:
                raise
            print(f"{conflict}\nRecreating the environment ...", flush=True)
            install(make_environment(), wanted)
    except InstallError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


def environment() -> "tuple[str, bool]":
    """Return the Python of the virtual environment, which is created if none is usable, and whether it is new."""
    python = python_in(VENV)
    if is_supported(python) and subprocess.call([python, "-m", "pip", "--version"], stdout=subprocess.DEVNULL) == 0:
        return python, False
    return make_environment(), True


def make_environment() -> str:
    """Recreate the virtual environment. Returns its Python."""
    base = supported_python()
    print(f"Creating .venv with {base} ...", flush=True)
    made = subprocess.call([base, "-m", "venv", "--clear", str(VENV)], stdout=subprocess.DEVNULL) == 0
    if not made or not is_supported(python_in(VENV)):
        raise InstallError(
            f"{base} could not create the virtual environment .venv; see its message above.\n"
            "On Debian and Ubuntu, try:  sudo apt install python3-venv"
        )
    return python_in(VENV)


def install(python: str, files: "tuple[str, ...]") -> None:
    """Install what the files pin, and check that it fits together."""
    print(f"Installing {' and '.join(files)} ...", flush=True)
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    command = [*pip, "install", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    for file in files:
        command += ["--requirement", str(ROOT / file)]
    if run_with_progress(command):
        raise InstallError(
            "pip could not install the requirements; see its message above.\n"
            "If it cannot connect, check the network, and whether pip needs a proxy or a different package index."
        )
    check = subprocess.run([*pip, "check"], stdout=subprocess.PIPE, universal_newlines=True, check=False)
    conflicts = [line for line in check.stdout.splitlines() if not line.startswith(ACCEPTED)]
    if check.returncode and conflicts:
        raise ConflictError("Packages in .venv conflict:\n  " + "\n  ".join(conflicts))


def run_with_progress(command: "list[str]") -> int:
    """Run pip and show its progress on one line of the terminal. Returns its exit code."""
    shows = sys.stdout.isatty()
    with subprocess.Popen(command, stdout=subprocess.PIPE, universal_newlines=True) as pip:
        packages = 0
        for line in pip.stdout or ():
            packages += line.startswith("Collecting ")
            if shows and line.startswith("Collecting "):
                print(f"\r\033[K  {packages}. {line.split()[1]}", end="", flush=True)
            elif shows and line.startswith("Installing collected"):
                print(f"\r\033[K  Unpacking {packages} packages ...", end="", flush=True)
    if shows:
        print("\r\033[K", end="", flush=True)
    return pip.returncode


def supported_python() -> str:
    """Return the command of a supported Python: $PYTHON, this one, or one on the PATH."""
    named = os.environ.get("PYTHON")
    names = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    for candidate in [named] if named else [sys.executable, "python3", *names]:
        if shutil.which(candidate) and is_supported(candidate):
            return candidate
    unfit = f"{named} is not one of them" if named else f"this is {sys.version_info[0]}.{sys.version_info[1]}"
    raise InstallError(
        f"Colloquy needs Python {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}, and {unfit}.\n"
        "Install one of these versions, or specify one:  PYTHON=/path/to/python3 make run"
    )


def is_supported(python: str) -> bool:
    """Whether this command is a supported version of Python."""
    test = f"import sys; sys.exit(not {OLDEST} <= sys.version_info[:2] <= {NEWEST})"
    try:
        return subprocess.call([python, "-c", test], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def python_in(venv: Path) -> str:
    """Return the path of the Python in a virtual environment."""
    return str(venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python")


if __name__ == "__main__":
    sys.exit(main())
