"""Checks that every requirement is pinned, has a wheel for every supported Python and platform, and has no known
vulnerability."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.install import NEWEST, OLDEST

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = tuple(
    ROOT / name
    for name in (
        "requirements.txt",
        "requirements-dev.txt",
        "requirements-litellm.txt",
        "session_store/requirements.txt",
    )
)
PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "aarch64-apple-darwin", "x86_64-pc-windows-msvc")
_PIN = re.compile(r"[a-z0-9][a-z0-9.-]*==[^\s;*]+( ; [^\\]+)?( --hash=sha256:[0-9a-f]{64})+")


def requirements(text: str) -> list[str]:
    """Return the requirements in the text of a requirements file, each on one line with its hashes."""
    lines = re.sub(r"\s*\\\n\s*", " ", text).splitlines()
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def unpinned(text: str) -> list[str]:
    """Return the requirements in the text of a requirements file that do not name one version with its hashes."""
    return [line for line in requirements(text) if not _PIN.fullmatch(line)]


def main() -> int:
    """Print the problems. Returns the exit code: 1 for a missing pin, a missing wheel or a known vulnerability."""
    problems = [
        f"{path.name}: not pinned: {line}" for path in REQUIREMENTS for line in unpinned(path.read_text("utf-8"))
    ]
    if not problems:
        print("Every requirement is pinned with its hashes.")
    with TemporaryDirectory() as folder:
        pins = Path(folder) / "requirements.txt"
        pins.write_text(
            "\n".join({line: "" for path in REQUIREMENTS for line in requirements(path.read_text("utf-8"))})
        )
        problems += _missing_wheels(pins) + _known_vulnerabilities(pins)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def _missing_wheels(pins: Path) -> list[str]:
    """Return the combinations of Python and platform for which a requirement has no wheel."""
    versions = [f"3.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 2)]
    targets = list(itertools.product(versions, PLATFORMS))
    with ThreadPoolExecutor(8) as pool:  # each mostly waits for the package index
        lacking = dict(zip(targets, pool.map(lambda target: _lacks_a_wheel(pins, *target), targets), strict=True))
    coming = versions.pop()
    if not any(lacking[coming, platform] for platform in PLATFORMS):
        print(f"*** Now Python {coming} has a wheel of every requirement, too: raise NEWEST in scripts/install.py.")
    missing = [
        f"No wheel for Python {version} on {platform}: {lacks}"
        for (version, platform), lacks in lacking.items()
        if lacks and version in versions
    ]
    if not missing:
        print(f"Every requirement has wheels for Python {', '.join(versions)} on {', '.join(PLATFORMS)}.")
    return missing


def _lacks_a_wheel(pins: Path, version: str, platform: str) -> str:
    """Return why the pins cannot be installed from wheels alone; empty if they can."""
    options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--output-file", os.devnull]
    target = ["--python-version", version, "--python-platform", platform]
    command = [sys.executable, "-m", "uv", "pip", "compile", *options, *target, str(pins)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return " ".join(run.stderr.split())[:300] if run.returncode else ""


def _known_vulnerabilities(pins: Path) -> list[str]:
    options = ["--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off"]
    run = subprocess.run(
        [sys.executable, "-m", "pip_audit", *options, "--requirement", str(pins)],
        capture_output=True,
        text=True,
        check=False,
    )
    if not run.stdout:
        reason = run.stderr.strip().splitlines()[-1] if run.stderr.strip() else f"exit code {run.returncode}"
        print(f"*** NOT CHECKED for known vulnerabilities: pip-audit got no answer ({reason})")
        return []
    packages = json.loads(run.stdout)["dependencies"]
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    if unknown:
        print(f"*** NOT CHECKED for known vulnerabilities: {len(unknown)} of {len(packages)} packages, which the")
        print("    vulnerability service that pip-audit asks does not know.")
    else:
        print(f"{len(packages)} packages were checked for known vulnerabilities.")
    return [
        f"{package['name']} {package['version']}: {flaw['id']}, fixed in {' '.join(flaw['fix_versions']) or 'none'}"
        for package in packages
        for flaw in package.get("vulns", ())
    ]


if __name__ == "__main__":
    sys.exit(main())
