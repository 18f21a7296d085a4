# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Figure 3 of Gagliano & Villar (2023): galleries side by side.
"""

from matplotlib.figure import Figure

from .thumbnails import colour_images

__all__ = ["plot_galleries", "plot_reconstructions"]

_TILE = 1.15  # inches


def plot_galleries(
    galleries,
    *,
    captions=None,
    bands=None,
    n_columns=4,
    stretch=0.25,
    softening=8.0,
    figure=None,
):
    """
    Plot groups of galaxies side by side, each a block of thumbnails.

    After figure 3 of Gagliano & Villar (2023), which shows the
    galaxies that are most like known green peas on the left and those
    most like red spirals on the right.

    Parameters
    ----------
    galleries : dict of str to `~astrovae.GalaxyImageSet`
        The images of each block, by its title.
    captions : dict of str to sequence of str, optional
        By title, what to write into each image.
    bands : sequence of str, optional
        Bands to show as red, green and blue, see `colour_images`.
    n_columns : int, optional
        Images in a row of a block.
    stretch, softening : float, optional
        The scaling of the brightness, see `colour_images`.
    figure : `~matplotlib.figure.Figure`, optional
        Where to draw; a new figure, if not given.

    Returns
    -------
    figure : `~matplotlib.figure.Figure`
        The figure.

    Raises
    ------
    ValueError
        If there is no image, or not one caption for each.
    """
    if not galleries or any(len(images) == 0 for images in galleries.values()):
        msg = "each gallery needs an image at least"
        raise ValueError(msg)
    n_rows = max(-(-len(images) // n_columns) for images in galleries.values())
    if figure is None:
        size = (
            len(galleries) * (n_columns * _TILE + 0.25),
            n_rows * _TILE + 0.45,
        )
        figure = Figure(figsize=size, layout="constrained")
    parts = figure.subfigures(1, len(galleries), wspace=0.03, squeeze=False)[0]
    for part, (title, images) in zip(parts, galleries.items(), strict=True):
        texts = (captions or {}).get(title, [""] * len(images))
        if len(texts) != len(images):
            msg = f"{len(texts)} captions were given for {len(images)} of {title!r}"
            raise ValueError(msg)
        colours = colour_images(
            images, bands=bands, stretch=stretch, softening=softening
        )
        part.suptitle(title, fontsize="medium")
        _fill(part, colours, texts, n_rows, n_columns)
    return figure


def _fill(part, colours, texts, n_rows, n_columns):
    """
    Put the thumbnails of one block in rows, without gaps.
    """
    axes = part.subplots(
        n_rows, n_columns, squeeze=False, gridspec_kw={"wspace": 0.0, "hspace": 0.0}
    ).ravel()
    for ax in axes:
        ax.set_axis_off()
    for ax, picture, text in zip(axes, colours, texts, strict=False):
        ax.imshow(picture, origin="lower", interpolation="nearest")
        write_in_image(ax, text)


def write_in_image(ax, text):
    """
    Write into the upper left corner of an image.
    """
    ax.text(
        0.04,
        0.96,
        text,
        transform=ax.transAxes,
        va="top",
        color="white",
        fontsize="x-small",
    )


def plot_reconstructions(vae, images, *, bands=None, stretch=0.25, softening=8.0):
    """
    Plot images above what a model makes of them, and what is left.

    Parameters
    ----------
    vae : `~astrovae.PhysicsVAE`
        Fitted.
    images : `~astrovae.GalaxyImageSet`
        N images, one column each.
    bands : sequence of str, optional
        Bands to show as red, green and blue, see `colour_images`.
    stretch, softening : float, optional
        The scaling of the brightness, see `colour_images`.

    Returns
    -------
    figure : `~matplotlib.figure.Figure`
        The figure: inputs, reconstructions from the latent means,
        both in the same colours.

    Raises
    ------
    ValueError
        If there is no image.
    """
    if len(images) == 0:
        msg = "there is no image to reconstruct"
        raise ValueError(msg)
    rows = {"input": images, "reconstruction": vae.reconstruct(images)}
    figure = Figure(
        figsize=(len(images) * _TILE + 0.35, 2 * _TILE + 0.1), layout="constrained"
    )
    axes = figure.subplots(2, len(images), squeeze=False)
    for row, (title, own) in zip(axes, rows.items(), strict=True):
        options = {"bands": bands, "stretch": stretch, "softening": softening}
        if title == "reconstruction":
            # Flux per pixel, and so the colours, grow with the pixel.
            scale = (images.pixel_scale / own.pixel_scale).to_value("")
            options["stretch"] = stretch / scale**2
        for ax, picture in zip(row, colour_images(own, **options), strict=True):
            ax.imshow(picture, origin="lower", interpolation="nearest")
            ax.set(xticks=[], yticks=[])
        row[0].set_ylabel(title)
    return figure
