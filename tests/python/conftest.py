"""Fixtures of the tests, which try the wheel as it is installed."""

import pathlib

import pytest

import weft

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def repository():
    return REPOSITORY


@pytest.fixture(scope="session")
def model():
    """The parts of the sketch model; their weights are read once."""
    return weft.nodes.LoadModel(path="models/sketch")


@pytest.fixture(scope="session")
def latent(model):
    generator = weft.nodes.Generator(seed=5)
    drawn = weft.nodes.RandomLatent(vae=model.vae, generator=generator, width=64, height=64)
    return drawn.noise
