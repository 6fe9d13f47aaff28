"""Ids as folder names."""

from session_store.folders import LONGEST, id_of, segment

ODD = [
    "..",
    ".",
    "a.",
    "a/b",
    "a%2Fb",
    "a\\b",
    "A",
    "a",
    "~",
    "con",
    "CON.txt",
    "com1",
    "ü" * 9,
    " ",
    "\n",
    "\0",
    "\ud800",
]


def test_folder_names_are_portable_and_unique_per_id():
    ids = [*ODD, "x" * 300, "x" * 299, "X" * 300]
    parts = [segment(name) for name in ids]
    assert len({part.casefold() for part in parts}) == len(ids)
    for part in parts:
        assert len(part) <= LONGEST
        assert not set(part) & set('/\\:*?"<>| \n\0')
        assert not part.startswith(".")
        assert not part.endswith(".")
        assert part.split(".")[0] not in ("con", "com1")


def test_the_id_can_be_recovered_unless_it_was_too_long():
    assert [id_of(segment(name)) for name in ODD] == ODD
    assert id_of(segment("x" * 300)) is None


def test_ids_made_by_the_store_stay_unchanged():
    assert segment("0b0e4d9c-7a7c-4e0e-9a55-3d1f2e9b8c11") == "0b0e4d9c-7a7c-4e0e-9a55-3d1f2e9b8c11"
