"""Checks that every requirement is pinned, and that none is known to be vulnerable."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = (ROOT / "requirements.txt", ROOT / "requirements-dev.txt")
_PIN = re.compile(r"[a-z0-9][a-z0-9.-]*==[^\s;*]+( ; [^\\]+)?( --hash=sha256:[0-9a-f]{64})+")


def unpinned(requirements: str) -> list[str]:
    """The requirements in the text of a requirements file that do not name one version with its hashes."""
    lines = re.sub(r"\s*\\\n\s*", " ", requirements).splitlines()
    wanted = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return [line for line in wanted if not _PIN.fullmatch(line)]


def main() -> int:
    """Print what is wrong. Returns the exit code: 1 for a missing pin or a known vulnerability."""
    loose = [f"{path.name}: not pinned: {line}" for path in REQUIREMENTS for line in unpinned(path.read_text("utf-8"))]
    vulnerable = _known_vulnerabilities()
    for problem in loose + vulnerable:
        print(problem)
    if not loose:
        print("Every requirement is pinned with its hashes.")
    return 1 if loose or vulnerable else 0


def _known_vulnerabilities() -> list[str]:
    files = [argument for path in REQUIREMENTS for argument in ("--requirement", str(path))]
    options = ["--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off"]
    run = subprocess.run(
        [sys.executable, "-m", "pip_audit", *options, *files], capture_output=True, text=True, check=False
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
