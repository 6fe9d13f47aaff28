"""Files in users' folders: whatever is there is read promptly and within limits, or refused with an explanation."""

import sys

import pytest

from session_store.files import BadFileError, read_bytes, read_text
from tests.support.bad_files import BAD_FILES

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and links of POSIX")


@pytest.mark.parametrize(("make", "words"), BAD_FILES.values(), ids=BAD_FILES)
def test_anything_but_a_regular_file_within_the_limit_is_refused_with_an_explanation(tmp_path, make, words):
    path = tmp_path / "file"
    make(path)
    with pytest.raises(BadFileError, match=words):
        read_text(path, 1_000_000)


def test_the_bound_is_exact_and_a_link_to_a_file_is_followed(tmp_path):
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_bytes(b"0123456789")
    link.symlink_to(file)
    assert read_bytes(link, 10) == b"0123456789"
    with pytest.raises(BadFileError, match="larger"):
        read_bytes(link, 9)


def test_text_may_have_a_byte_order_mark_and_half_a_character(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"\xef\xbb\xbfone\r\ntwo\r" + "\ud83d".encode("utf-8", "surrogatepass"))
    assert read_text(file, 100) == "one\ntwo\n\ud83d"
