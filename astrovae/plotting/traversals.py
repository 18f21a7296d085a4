# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What a model draws when one latent changes.
"""

import numpy as np
from matplotlib.figure import Figure

from .thumbnails import colour_images

__all__ = ["plot_traversals"]

_TILE = 1.1  # inches


def plot_traversals(
    vae,
    images,
    *,
    latents=None,
    n_steps=7,
    span=2.5,
    bands=None,
    stretch=0.25,
    softening=8.0,
):
    """
    Decode along one latent at a time, a row for each.

    All other latents stay at their mean over some images. Where a
    latent stands for a physical parameter, its value is written into
    the images.

    Parameters
    ----------
    vae : `~astrovae.PhysicsVAE`
        Fitted.
    images : `~astrovae.GalaxyImageSet`
        Two images or more, whose latents give the mean and the steps.
    latents : sequence of str, optional
        Names from ``vae.get_feature_names_out()``; by default all.
    n_steps : int, optional
        Images in a row.
    span : float, optional
        The first and the last step, in standard deviations.
    bands : sequence of str, optional
        Bands to show as red, green and blue, see `colour_images`.
    stretch, softening : float, optional
        The scaling of the brightness, see `colour_images`.

    Returns
    -------
    figure : `~matplotlib.figure.Figure`
        The figure.

    Raises
    ------
    ValueError
        If the model has no such latent, or too few images are usable.
    """
    names = list(vae.get_feature_names_out())
    chosen = names if latents is None else list(latents)
    unknown = [name for name in chosen if name not in names]
    if unknown:
        msg = f"the model has no latent {', '.join(unknown)}, but {', '.join(names)}"
        raise ValueError(msg)
    codes = vae.transform(images)
    codes = codes[np.isfinite(codes).all(axis=1)]
    if len(codes) < 2:
        msg = f"a traversal needs two usable images at least, got {len(codes)}"
        raise ValueError(msg)
    middle, spread = codes.mean(axis=0), codes.std(axis=0)
    steps = np.linspace(-span, span, n_steps)
    figure = Figure(
        figsize=(n_steps * _TILE + 1.3, len(chosen) * _TILE + 0.45),
        layout="constrained",
    )
    room = {"w_pad": 0.02, "h_pad": 0.02, "wspace": 0.0, "hspace": 0.0}
    figure.get_layout_engine().set(**room, rect=(0.01, 0.0, 0.98, 0.985))
    axes = figure.subplots(len(chosen), n_steps, squeeze=False)
    for row, name in zip(axes, chosen, strict=True):
        column = names.index(name)
        walk = np.repeat(middle[None], n_steps, axis=0)
        walk[:, column] += steps * spread[column]
        decoded = decode(vae, walk)
        scale = (images.pixel_scale / decoded.pixel_scale).to_value("")
        pictures = colour_images(
            decoded, bands=bands, stretch=stretch / scale**2, softening=softening
        )
        texts = _values(vae, walk, name)
        for ax, picture, text in zip(row, pictures, texts, strict=True):
            ax.imshow(picture, origin="lower", interpolation="nearest")
            ax.set(xticks=[], yticks=[])
            ax.text(
                *(0.05, 0.95, text),
                transform=ax.transAxes,
                va="top",
                color="white",
                fontsize="x-small",
            )
        row[0].set_ylabel(name.replace("_", " "), rotation=0, ha="right", va="center")
    for ax, step in zip(axes[0], steps, strict=True):
        ax.set_title(rf"{step:+.1f} $\sigma$", fontsize="small")
    return figure


def decode(vae, codes):
    """
    Decode latents to images in nanomaggies.

    Parameters
    ----------
    vae : `~astrovae.PhysicsVAE`
        Fitted.
    codes : `~numpy.ndarray`, shape (N, n_latent)
        Latents, as ``vae.transform`` gives them.

    Returns
    -------
    images : `~astrovae.GalaxyImageSet`
        N images on the network's grid.
    """
    from astrovae.images import GalaxyImageSet
    from astrovae.nn import choose_device, decode_arrays

    device = choose_device(vae.device)
    x = decode_arrays(vae.network_.to(device), codes, device)
    return GalaxyImageSet(
        vae.preprocessing_.inverse(x),
        bands=vae.preprocessing_.bands,
        pixel_scale=vae.preprocessing_.output_pixel_scale,
    )


def _values(vae, walk, name):
    """
    The physical value at each step, or nothing.
    """
    if name not in vae.scaling_.statistics:
        return [""] * len(walk)
    estimate, _ = vae.scaling_.to_estimates(walk, np.zeros_like(walk))[name]
    if name == "orientation":
        return [f"{np.degrees(value):.0f} deg" for value in estimate]
    return [f"{value:.2f}" for value in estimate]
