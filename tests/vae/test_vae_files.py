# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Model files and packaged weights.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from astrovae import PhysicsVAE
from astrovae.data import registry
from astrovae.exceptions import ModelFileError
from astrovae.nn import read_tensors, write_tensors

DATA_SUFFIXES = {".hdf5", ".ecsv", ".safetensors"}


@pytest.fixture(params=["standard", "paper"])
def vae(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def path(vae, tmp_path):
    path = tmp_path / "model.safetensors"
    vae.save(path)
    return path


def test_round_trip(vae, path, unseen):
    other = PhysicsVAE.load(path)
    a, b = vae.predict(unseen[0]), other.predict(unseen[0])
    assert a.colnames == b.colnames
    for name in a.colnames:
        assert np.array_equal(a[name], b[name]), name
    assert a.meta == b.meta
    assert other.history_ == vae.history_
    assert other.record_ == vae.record_
    assert other.get_params()["max_epochs"] == vae.max_epochs
    assert np.array_equal(
        vae.reconstruct(unseen[0]).data, other.reconstruct(unseen[0]).data
    )


def test_saved_again_it_is_the_same_file(path, tmp_path):
    other = tmp_path / "again.safetensors"
    PhysicsVAE.load(path).save(other)
    assert other.read_bytes() == path.read_bytes()


def test_a_model_is_one_file_that_tells_what_it_is(vae, path):
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    with safe_open(path, framework="numpy") as file:
        content = json.loads(file.metadata()["astrovae"])
    metadata = content["metadata"]
    assert metadata["preset"]["network"] == vae.preset_.network
    assert metadata["preprocessing"]["bands"] == ["g", "r", "z"]
    assert metadata["units"]["sfr"] == "solMass / yr"
    assert metadata["scaling"]["statistics"]["redshift"]["n"] == vae.n_train_
    assert metadata["calibration"]["sfr"]["n"] == vae.n_validation_
    assert set(metadata["versions"]) == {"astrovae", "torch", "numpy"}
    assert metadata["record"]["n_train"] == vae.n_train_


def test_files_without_newer_keys_are_read(vae, path, unseen):
    tensors, metadata = read_tensors(path, "PhysicsVAE")
    metadata["record"].pop("preset")
    write_tensors(path, tensors, metadata)
    other = PhysicsVAE.load(path)
    assert other.predict(unseen[0][:2]).meta == vae.predict(unseen[0][:2]).meta


def test_truncated(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelFileError, match="not a readable safetensors file"):
        PhysicsVAE.load(path)


def test_altered(path):
    content = bytearray(path.read_bytes())
    content[-100] ^= 0x10
    path.write_bytes(bytes(content))
    with pytest.raises(ModelFileError, match="was altered"):
        PhysicsVAE.load(path)


def test_not_a_model(tmp_path):
    path = tmp_path / "table.ecsv"
    path.write_text("# %ECSV 1.0\nid\n1\n")
    with pytest.raises(ModelFileError, match=r"table\.ecsv .* not a safetensors"):
        PhysicsVAE.load(path)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        PhysicsVAE.load(tmp_path / "absent")


def test_a_checkpoint_is_no_model(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    write_tensors(path, {}, {"kind": "checkpoint"})
    with pytest.raises(ModelFileError, match="is a 'checkpoint', not a 'PhysicsVAE'"):
        PhysicsVAE.load(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda t, _: t.pop("network.encoder.0.weight", t.pop("outlier.mean")),
        lambda _, m: m.pop("scaling"),
        lambda _, m: m["preset"].update(colour="red"),
        lambda _, m: m["preset"].update(n_latent=99),
        lambda _, m: m["preset"].update(network="transformer"),
        lambda _, m: m["parameters"].update(wings=2),
    ],
)
def test_valid_file_of_another_content(path, change):
    tensors, metadata = read_tensors(path, "PhysicsVAE")
    change(tensors, metadata)
    write_tensors(path, tensors, metadata)
    with pytest.raises(ModelFileError, match="does not hold a whole PhysicsVAE"):
        PhysicsVAE.load(path)


# --- the registry


@pytest.fixture
def folder(tmp_path, monkeypatch, paper):
    """
    A registry with one model, of which only one file is there.
    """
    entries = [
        {
            "kind": "weights",
            "name": name,
            "recommended": name == "toy",
            "description": "for this test",
            "files": {f"{name}.safetensors": None},
        }
        for name in ("toy", "other")
    ]
    (tmp_path / "registry.json").write_text(json.dumps(entries))
    monkeypatch.setattr(registry, "_FOLDER", tmp_path)
    paper.save(tmp_path / "toy.safetensors")
    return tmp_path


def test_pretrained_by_name(folder, paper, unseen):
    assert len(PhysicsVAE.list_pretrained()) == 0
    with pytest.raises(ValueError, match="no packaged weights 'toy'; there is: none"):
        PhysicsVAE.from_pretrained("toy")
    registry.register_file(folder / "toy.safetensors")
    table = PhysicsVAE.list_pretrained()
    assert table.colnames == ["name", "recommended", "files", "description"]
    assert list(table["name"]) == ["toy"]
    for vae in (PhysicsVAE.from_pretrained(), PhysicsVAE.from_pretrained("toy")):
        a, b = vae.predict(unseen[0][:3]), paper.predict(unseen[0][:3])
        assert np.array_equal(a["redshift"], b["redshift"])
    with pytest.raises(ValueError, match="there is: 'toy'"):
        PhysicsVAE.from_pretrained("better")


def test_packaged_file_altered_or_missing(folder):
    path = folder / "toy.safetensors"
    registry.register_file(path)
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ModelFileError, match=r"toy\.safetensors was altered"):
        PhysicsVAE.from_pretrained()
    path.unlink()
    with pytest.raises(ModelFileError, match=r"toy\.safetensors is missing"):
        PhysicsVAE.from_pretrained()


def test_sample_by_name(folder, unseen):
    images, labels = unseen
    images[:4].write(folder / "toy.hdf5")
    labels[:4].write(folder / "toy.ecsv")
    entry = {
        "kind": "sample",
        "name": "toy",
        "recommended": True,
        "description": "for this test",
        "files": {"toy.hdf5": None, "toy.ecsv": None},
    }
    (folder / "registry.json").write_text(json.dumps([entry]))
    for name in ("toy.hdf5", "toy.ecsv"):
        registry.register_file(folder / name)
    assert list(registry.list_samples()["name"]) == ["toy"]
    own, truth = registry.load_sample_set("toy")
    assert own.is_lazy
    assert list(own.ids) == list(truth["id"]) == list(images.ids[:4])
    with pytest.raises(ValueError, match="no packaged sample 'best'"):
        registry.load_sample_set("best")


def test_only_listed_files_can_be_registered(folder):
    path = folder / "stranger.safetensors"
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"does not list 'stranger\.safetensors'"):
        registry.register_file(path)


def test_every_packaged_file_is_what_the_registry_says():
    folder = Path(registry.__file__).parent
    entries = json.loads((folder / "registry.json").read_text())
    hashed = [entry for entry in entries if all(entry["files"].values())]
    listed = {
        "weights": set(registry.list_weights()["name"]),
        "sample": set(registry.list_samples()["name"]),
    }
    assert "decals-sim-v2" in listed["sample"]
    for kind, names in listed.items():
        assert names == {e["name"] for e in hashed if e["kind"] == kind}
    for entry in hashed:
        paths = registry._checked_files(entry["kind"], entry["name"])
        assert [path.name for path in paths] == list(entry["files"])
        for path, expected in zip(paths, entry["files"].values(), strict=True):
            assert hashlib.sha256(path.read_bytes()).hexdigest() == expected
    # Nor does a file lie there that no entry knows.
    found = {p.name for p in folder.iterdir() if p.suffix in DATA_SUFFIXES}
    assert found <= {name for entry in entries for name in entry["files"]}
