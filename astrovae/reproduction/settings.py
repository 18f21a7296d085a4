# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What a reproduction is made of.
"""

from dataclasses import dataclass

__all__ = ["ReproductionSettings"]

#: The kinds of galaxies by the part of the sample that holds them.
KINDS = {
    "validation": "galaxy",
    "red-spirals": "red spiral",
    "green-peas": "green pea",
}
CONTROL = KINDS["validation"]

#: Of the galaxies that are no anomalies, the part that is held out.
HELD_OUT = 0.2

# Recovery is measured in five folds, for which each kind needs five galaxies.
_LEAST = {"n": 25, "epochs": 1, "n_red_spirals": 5, "n_green_peas": 5}

# The paper's training: 80 % of 26,126 galaxies in batches of 128, of which
# a fifth chooses the epoch here.
_PAPER_STEPS = 1000 * 0.8 * 0.8 * 26126 / 128
_PAPER_RATE = 5e-6
_HIGHEST_RATE = 1e-3


@dataclass(frozen=True)
class ReproductionSettings:
    """
    What a reproduction is made of.

    Parameters
    ----------
    simulated : bool
        Whether the galaxies are simulated, or those of the paper's
        catalogues with cutouts of the Legacy Surveys.
    n : int
        Number of galaxies that are no anomalies, 25 or more; a fifth of
        them is held out.
    epochs : int
        Of the training of each model.
    preset : str
        Of `~astrovae.PhysicsVAE`.
    learning_rate : float, optional
        Of Adam; by default that of the preset ``standard``, and for
        ``gagliano2023`` so much higher than the paper's 5e-6 as there
        are fewer steps, at most 1e-3.
    weights : str, optional
        Packaged weights, or a model's file, to take for the
        physics-informed model instead of training one.
    n_red_spirals, n_green_peas : int
        Number of simulated anomalies, 5 or more of each kind.
    random_state : int
        Seed of everything.
    gama_properties : str, optional
        GAMA's table of masses and rates (ProSpect), which VizieR does
        not have; without it the sample is that of Zou et al. (2022).

    Raises
    ------
    ValueError
        If a number is too small.
    """

    simulated: bool = False
    n: int = 12_000
    epochs: int = 20
    preset: str = "gagliano2023"
    learning_rate: float | None = None
    weights: str | None = None
    n_red_spirals: int = 294
    n_green_peas: int = 13
    random_state: int = 12345
    gama_properties: str | None = None

    def __post_init__(self):
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                msg = f"{name} must be at least {least}, got {getattr(self, name)}"
                if name == "n":
                    msg += "; a fifth of them is held out, and measured in five folds"
                raise ValueError(msg)

    @property
    def n_held_out(self):
        """
        Number of ordinary galaxies that no training sees.
        """
        return round(HELD_OUT * self.n)

    def rate(self):
        """
        The learning rate that `~astrovae.PhysicsVAE` is given.

        Returns
        -------
        rate : float or None
            `None`: what the preset says.
        """
        if self.learning_rate is not None or self.preset != "gagliano2023":
            return self.learning_rate
        steps = self.epochs * max(1.0, 0.8 * (self.n - self.n_held_out) / 128)
        return min(_PAPER_RATE * max(1.0, _PAPER_STEPS / steps), _HIGHEST_RATE)
