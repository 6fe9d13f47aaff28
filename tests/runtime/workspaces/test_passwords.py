"""Passwords are stored in one file that only its owner can read."""

import errno
import os
import sys

import pytest

from colloquy.runtime.workspaces.passwords import Secrets, SecretsError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "secrets.json"


def test_passwords_are_stored_by_workspace(path):
    Secrets(path).set("one", {"password": "a"})
    Secrets(path).set("two", {"password": "b"})
    assert Secrets(path).get("one") == {"password": "a"}
    Secrets(path).set("one", {})
    assert Secrets(path).get("one") == {}
    assert Secrets(path).get("two") == {"password": "b"}


def test_the_file_is_created_with_the_first_password(path):
    Secrets(path).set("one", {})
    assert Secrets(path).get("one") == {}
    assert not path.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_only_the_owner_can_read_the_file(path):
    Secrets(path).set("one", {"password": "a"})
    path.chmod(0o644)
    Secrets(path).set("one", {"password": "b"})
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(path.parent) == ["secrets.json"]  # noqa: PTH208


def test_a_broken_file_is_reported_without_its_content(path):
    Secrets(path).set("one", {"password": "hidden"})
    path.write_text('{"one": {"password": "hidden"', "utf-8")
    with pytest.raises(SecretsError, match="cannot be read") as broken:
        Secrets(path).get("one")
    assert "hidden" not in str(broken.value)
    assert broken.value.__cause__ is None


def test_a_full_disk_is_reported_and_the_old_file_stays(path, monkeypatch):
    Secrets(path).set("one", {"password": "old"})

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SecretsError, match=r"could not be saved .*: No space left on device"):
        Secrets(path).set("one", {"password": "new"})
    assert Secrets(path).get("one") == {"password": "old"}
    assert os.listdir(path.parent) == ["secrets.json"]  # noqa: PTH208
