# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
A look at the headers of a FITS file before anything else reads it.

A header can announce an axis of -16 pixels, or of 10**15, and send a
reader into an endless loop or out of memory. Here each HDU's size is
computed from its own cards, and must lie within the file.
"""

import math
import re

__all__ = ["scan_fits"]

_BLOCK = 2880
_CARD = 80

_BITPIX = {8, 16, 32, 64, -32, -64}

#: Axes that an image or a table of a survey has at most.
_MOST_AXES = 8

#: Bytes that an image may have once it is decompressed.
_LARGEST = 1 << 32

#: The cards that say how long an HDU is, and a compressed image in it.
_SIZES = re.compile(r"(?:BITPIX|NAXIS\d*|[PG]COUNT|ZBITPIX|Z(?:NAXIS|TILE)\d*) *$")


def scan_fits(body):
    """
    Check the sizes that all headers of a file announce.

    Parameters
    ----------
    body : bytes
        The file.

    Returns
    -------
    n : int
        The number of HDUs.

    Raises
    ------
    EOFError
        If a header or its data reach beyond the end of the file.
    ValueError
        If a header announces what cannot be.
    """
    position, n = 0, 0
    while position < len(body):
        cards, start = _read_cards(body, position, n)
        position = start + _data_bytes(cards, n)
        if position > len(body):
            msg = f"HDU {n} reaches beyond the end of the file"
            raise EOFError(msg)
        n += 1
    return n


def _read_cards(body, position, n):
    # The cards about sizes, and where the header ends.
    first = b"XTENSION" if n else b"SIMPLE  "
    if not body.startswith(first, position):
        msg = f"HDU {n} does not begin with {first.decode().strip()}"
        raise ValueError(msg)
    cards = {}
    for start in range(position, len(body), _CARD):
        card = body[start : start + _CARD].decode("latin-1")
        key = card[:8].rstrip()
        if key == "END":
            end = start + _CARD
            return cards, position + -(-(end - position) // _BLOCK) * _BLOCK
        if _SIZES.match(card[:8]) and card[8:10] == "= ":
            value = re.match(r" *([+-]?\d+) *(?:/|$)", card[10:])
            if value is None or key in cards:
                msg = f"HDU {n} has a strange {key}: {card[10:].strip()!r}"
                raise ValueError(msg)
            cards[key] = int(value[1])
    msg = f"the header of HDU {n} has no end"
    raise EOFError(msg)


def _data_bytes(cards, n):
    # As the standard has it, section 4.4.1, in whole blocks.
    shape = _axes(cards, "NAXIS", n)
    bits = _bits(cards, "BITPIX", n)
    parameters, groups = cards.get("PCOUNT", 0), cards.get("GCOUNT", 1)
    if parameters < 0 or groups != 1:
        msg = f"HDU {n} has PCOUNT = {parameters}, GCOUNT = {groups}"
        raise ValueError(msg)
    if "ZNAXIS" in cards:
        _check_tiles(cards, shape, n)
    pixels = math.prod(shape) if shape else 0
    return -(-(bits // 8 * (parameters + pixels)) // _BLOCK) * _BLOCK


def _axes(cards, name, n):
    number = cards.get(name)
    if number is None or not 0 <= number <= _MOST_AXES:
        msg = f"HDU {n} has {name} = {number}"
        raise ValueError(msg)
    axes = [cards.get(f"{name}{i + 1}") for i in range(number)]
    for i, axis in enumerate(axes):
        if axis is None or axis < 0:
            msg = f"HDU {n} has {name}{i + 1} = {axis}"
            raise ValueError(msg)
    return axes


def _bits(cards, name, n):
    if cards.get(name) not in _BITPIX:
        msg = f"HDU {n} has {name} = {cards.get(name)}"
        raise ValueError(msg)
    return abs(cards[name])


def _check_tiles(cards, table, n):
    # A row of the table for each tile of the image; by default a tile is
    # a row of pixels.
    shape = _axes(cards, "ZNAXIS", n)
    tile = [
        cards.get(f"ZTILE{i + 1}", axis if i == 0 else 1)
        for i, axis in enumerate(shape)
    ]
    if math.prod(shape) * _bits(cards, "ZBITPIX", n) // 8 > _LARGEST:
        msg = f"HDU {n} announces an image of {' x '.join(map(str, shape))} pixels"
        raise ValueError(msg)
    if min(tile, default=1) < 1:
        msg = f"HDU {n} has tiles of {' x '.join(map(str, tile))} pixels"
        raise ValueError(msg)
    count = math.prod(-(-a // t) for a, t in zip(shape, tile, strict=True))
    if shape and (len(table) != 2 or table[1] != count):
        msg = f"HDU {n} should have {count} tiles, and has a table of {table}"
        raise ValueError(msg)
