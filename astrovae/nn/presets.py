# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The presets: every choice that a model is made of, in one table.
"""

from dataclasses import dataclass

__all__ = ["PRESETS", "Preset", "get_preset"]


@dataclass(frozen=True)
class Preset:  # numpydoc ignore=PR02
    """
    One preset.

    Parameters
    ----------
    network : {"paper", "residual", "mixture", "adaptive"}
        Which network.
    loss : {"paper", "standard", "mixture"}
        Which loss.
    latents : tuple of str
        Names of the physical latents.
    n_latent : int
        Number of latents in all.
    size, output_size : int
        Pixels on a side before and after preprocessing.
    pixel_scale : float
        Arcsec per pixel before preprocessing.
    stretch, resize : str
        See `~astrovae.images.Preprocessing`.
    dtype : str
        Type of the preprocessed images in memory.
    reconstruction_weight, physics_weight : float
        Weights of the loss's terms.
    learning_rate, weight_decay : float
        Of the optimiser.
    schedule : {"constant", "one-cycle"}
        Course of the learning rate.
    batch_size, max_epochs : int
        Of the training.
    validation_fraction : float
        Part of the galaxies that chooses the epoch and calibrates.
    augment : bool
        Whether images are turned, flipped and robbed of bands.
    predicts_sigma : bool
        Whether the physical latents' variances are trained.
    band_dropout, edge_dropout : float
        Fractions of the galaxies that lose a band, or one side.
    """

    network: str
    loss: str
    latents: tuple
    n_latent: int
    size: int
    output_size: int
    pixel_scale: float
    stretch: str
    resize: str
    dtype: str
    reconstruction_weight: float
    physics_weight: float
    learning_rate: float
    weight_decay: float
    schedule: str
    batch_size: int
    max_epochs: int
    validation_fraction: float
    augment: bool
    predicts_sigma: bool
    band_dropout: float = 0.05
    edge_dropout: float = 0.0


PRESETS = {
    "standard": Preset(
        network="adaptive",
        loss="mixture",
        latents=("cos2phi", "sin2phi", "redshift", "stellar_mass", "sfr"),
        n_latent=10,
        size=128,
        output_size=64,
        pixel_scale=0.262,
        stretch="asinh",
        resize="area",
        dtype="float16",
        reconstruction_weight=1.0,
        physics_weight=1.0,
        learning_rate=3e-3,
        weight_decay=1e-2,
        schedule="one-cycle",
        batch_size=128,
        max_epochs=30,
        validation_fraction=0.1,
        augment=True,
        predicts_sigma=True,
        band_dropout=0.12,
        edge_dropout=0.06,
    ),
    "gagliano2023": Preset(
        network="paper",
        loss="paper",
        latents=("orientation", "redshift", "stellar_mass", "sfr"),
        n_latent=5,
        size=128,
        output_size=69,
        pixel_scale=0.262,
        stretch="eq1",
        resize="bicubic",
        dtype="float16",
        reconstruction_weight=10.0,
        physics_weight=50.0,
        learning_rate=5e-6,
        weight_decay=0.0,
        schedule="constant",
        batch_size=128,
        max_epochs=1000,
        validation_fraction=0.2,
        augment=False,
        predicts_sigma=False,
    ),
}


def get_preset(name):
    """
    Get a preset by name.

    Parameters
    ----------
    name : str
        ``"standard"`` or ``"gagliano2023"``.

    Returns
    -------
    preset : `Preset`
        The preset.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if name not in PRESETS:
        msg = f"preset must be one of {sorted(PRESETS)}, not {name!r}"
        raise ValueError(msg)
    return PRESETS[name]
