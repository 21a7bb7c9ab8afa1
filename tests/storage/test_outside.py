"""What reading a file from outside raises becomes one sentence with the file, what is wrong, and what would do."""

import json
import zipfile

import h5py
import numpy as np
import pytest

from videorec.config import UserError
from videorec.storage import outside


def sentence(error: Exception, remedy: str = "", kind: str = "") -> str:
    """What is told of an error that is raised while a.x is read."""
    with pytest.raises(UserError) as told, outside.reading("a.x", remedy, kind):
        raise error
    assert told.value.__cause__ is error
    return str(told.value)


def test_errors_in_words():
    assert sentence(FileNotFoundError(2, "No such file", "/a.x"), "Fetch it again") == "a.x is missing. Fetch it again"
    assert sentence(PermissionError(13, "Permission denied", "/a.x")) == "a.x cannot be read: Permission denied"
    assert sentence(IsADirectoryError(21, "Is a directory")) == "a.x must be a file. Received: a folder"
    assert sentence(KeyError("accuracy")) == "a.x cannot be read: it has no 'accuracy'"
    assert sentence(MemoryError("Unable to allocate 4 TiB")) == "a.x cannot be read: it needs more memory than there is"
    assert sentence(EOFError(), kind="HDF5") == "a.x cannot be read as HDF5: it ends too early"
    assert sentence(RuntimeError()) == "a.x cannot be read: RuntimeError"


def test_long_messages_are_cut_to_their_first_line():
    said = sentence(ValueError("\n\n  The first line.\n" + "Full object config: {...}\n" * 40))
    assert said == "a.x cannot be read: The first line"
    assert len(sentence(ValueError("word " * 1000))) < 250
    assert sentence(ValueError("a\x1b[31mred")) == "a.x cannot be read: a?[31mred"  # no control of the terminal


def test_own_errors_stay_and_name_the_file():
    assert sentence_of_own("b of a.x is no name") == "b of a.x is no name"
    assert sentence_of_own("b is no name") == "a.x cannot be read: b is no name. Mend it"


def sentence_of_own(text: str) -> str:
    with pytest.raises(UserError) as told, outside.reading("a.x", "Mend it"):
        raise UserError(text)
    return str(told.value)


def test_ctrl_c_is_no_damage():
    with pytest.raises(KeyboardInterrupt), outside.reading("a.x"):
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (lambda path: json.loads(path.read_text()), "it is no text in UTF-8"),
        (lambda path: json.loads(path.read_text("latin-1")), "it is no JSON"),
        (lambda path: json.loads("[" * 100_000), "it is nested too deeply"),
        (lambda path: zipfile.ZipFile(path), "it is cut short or damaged"),
        (lambda path: h5py.File(path), "it is no HDF5 file"),
        (lambda path: np.load(path), ".*pickled"),
    ],
)
def test_of_the_libraries(tmp_path, read, said):
    path = tmp_path / "a.x"
    path.write_bytes(b"\xff\xfe\x00 no such file")
    with pytest.raises(UserError, match=rf"a\.x cannot be read: {said}"), outside.reading(path):
        read(path)
