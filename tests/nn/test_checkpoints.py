# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Files of tensors: whole or not at all, and never altered unnoticed.
"""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from astrovae.exceptions import ModelFileError
from astrovae.nn import read_tensors, write_tensors

TENSORS = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.array([1, 2, 3], dtype=np.int64),
    "scalar": np.array(2.5),
}
METADATA = {"kind": "test", "values": [1, 2.5, None, "text"], "nested": {"x": True}}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file.safetensors"
    write_tensors(path, TENSORS, METADATA)
    return path


def test_round_trip(path):
    tensors, metadata = read_tensors(path, "test")
    assert metadata == METADATA
    assert set(tensors) == set(TENSORS)
    for name, array in TENSORS.items():
        assert tensors[name].dtype == array.dtype
        assert np.array_equal(tensors[name], array)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_same_content_same_bytes(path, tmp_path):
    other = tmp_path / "other.safetensors"
    write_tensors(other, dict(reversed(TENSORS.items())), METADATA)
    assert other.read_bytes() == path.read_bytes()


def test_failed_write_leaves_the_old_file(path):
    before = path.read_bytes()
    with pytest.raises(ValueError, match="JSON compliant"):
        write_tensors(path, TENSORS, METADATA | {"bad": float("nan")})
    assert path.read_bytes() == before


def test_every_altered_byte_is_noticed(path):
    content = path.read_bytes()
    for position in range(0, len(content), 7):
        altered = bytearray(content)
        altered[position] ^= 0x01
        path.write_bytes(bytes(altered))
        with pytest.raises(ModelFileError, match=r"file\.safetensors"):
            read_tensors(path, "test")


def test_altered_tensor(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(ModelFileError, match="was altered"):
        read_tensors(path, "test")


def test_altered_metadata(path):
    content = path.read_bytes()
    assert content.count(b"2.5") == 1
    path.write_bytes(content.replace(b"2.5", b"9.5"))
    with pytest.raises(ModelFileError, match="was altered"):
        read_tensors(path, "test")


@pytest.mark.parametrize("header", ["{", "[]", "3", "{}"])
def test_unreadable_metadata(path, header):
    save_file(TENSORS, path, metadata={"astrovae": header})
    with pytest.raises(ModelFileError, match="metadata is not readable"):
        read_tensors(path, "test")


@pytest.mark.parametrize("fraction", [0.0, 0.002, 0.1, 0.5, 0.9, 0.999])
def test_truncated_file(path, fraction):
    content = path.read_bytes()
    path.write_bytes(content[: int(fraction * len(content))])
    with pytest.raises(ModelFileError, match=r"truncated|not a .*safetensors file"):
        read_tensors(path, "test")


def test_not_a_model(tmp_path):
    path = tmp_path / "image.fits"
    path.write_bytes(b"SIMPLE  =                    T" * 96)
    with pytest.raises(ModelFileError, match="is not a safetensors file"):
        read_tensors(path, "test")


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_tensors(tmp_path / "absent.safetensors", "test")


def test_someone_elses_safetensors(path):
    save_file(TENSORS, path)
    with pytest.raises(ModelFileError, match="not written by astrovae"):
        read_tensors(path, "test")


def test_other_version(path):
    header = {"astrovae": json.dumps({"format_version": 99, "new": "layout"})}
    save_file(TENSORS, path, metadata=header)
    with pytest.raises(
        ModelFileError, match="version 99; this release reads version 1"
    ):
        read_tensors(path, "test")


def test_other_kind(path):
    with pytest.raises(ModelFileError, match="is a 'test', not a 'PhysicsVAE'"):
        read_tensors(path, "PhysicsVAE")


def test_metadata_is_plain_json(path):
    content = path.read_bytes()
    n_header = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + n_header])["__metadata__"]
    assert json.loads(header["astrovae"])["metadata"] == METADATA
