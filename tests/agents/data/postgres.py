"""A PostgreSQL server (Debian's package is enough), started for tests on loopback and stopped afterwards."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.servers import free_port

NO_POSTGRES = "No PostgreSQL was found. Install it (Debian: apt-get install postgresql)."
POSTGRES_REQUIRED = "COLLOQUY_REQUIRE_POSTGRES"
OWNER, PASSWORD = "owner", "s3cret/w0rd"
URL_PASSWORD = "s3cret%2Fw0rd"


def postgres_programs() -> Path | None:
    """The folder that contains initdb and pg_ctl."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    folders = Path("/usr/lib/postgresql").glob("*/bin")
    usable = [folder for folder in folders if (folder / "initdb").exists()]
    return max(usable, key=lambda folder: int(folder.parent.name), default=None)


@contextmanager
def running_postgres() -> Iterator[str]:
    """Run a server in its own folder. Yields the URL of its owner, who is a superuser."""
    programs = postgres_programs()
    assert programs is not None, NO_POSTGRES
    folder = Path(tempfile.mkdtemp(prefix="colloquy-postgres-"))
    prefix = _as_other_user(folder)
    data, secret, port = folder / "data", folder / "password", free_port()
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    control: list[str | Path] = [*prefix, programs / "pg_ctl", "-D", data, "-w"]
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c fsync=off"
    if sys.platform != "win32":
        options += f" -k {folder}"
    initdb: list[str | Path] = [
        *prefix,
        programs / "initdb",
        "-D",
        data,
        "-U",
        OWNER,
        "-A",
        "scram-sha-256",
        f"--pwfile={secret}",
    ]
    try:
        _run([*initdb, f"--pwfile={secret}", "-E", "UTF8", "--no-sync"], folder)
        _run([*control, "-o", options, "-l", folder / "log", "start"], folder)
        try:
            yield f"postgresql://{OWNER}:{URL_PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            _run([*control, "-m", "immediate", "stop"], folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: Sequence[str | Path], folder: Path) -> None:
    # Not through a pipe, which the server would keep open, so that the read would never end.
    with (folder / "setup.log").open("a") as log:
        done = subprocess.run(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder, check=False)
    assert done.returncode == 0, (folder / "setup.log").read_text()


def _as_other_user(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return []
    import pwd

    names = {entry.pw_name for entry in pwd.getpwall()}
    user = "postgres" if "postgres" in names else "nobody"
    shutil.chown(folder, user)
    return ["runuser", "-u", user, "--"]


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """One server for all tests. Without PostgreSQL they are skipped with a warning, unless it is required."""
    if postgres_programs() is None:
        if os.environ.get(POSTGRES_REQUIRED) == "1":
            pytest.fail(NO_POSTGRES, pytrace=False)
        pytest.skip(f"!!! TESTS ON POSTGRESQL ARE SKIPPED: {NO_POSTGRES} !!!")
    with running_postgres() as url:
        yield url
