"""The record of one texture.

Free of everything but the standard library, NumPy and `tones.ita`: the render worker imports it in its own
environment.
"""

from collections.abc import Callable
from dataclasses import dataclass

from skinseg.synthetic.room.textures.noise import Field
from skinseg.synthetic.streams import Random, Span


@dataclass(frozen=True)
class Texture:
    """What is known of one texture.

    draw: from a palette, (N, 3) linear RGB, and the tile's random numbers to the tile, (512, 512, 3) linear RGB.
    scale: repeats per metre, from and to; one that shows whole scenes is larger than one that shows a material.
    palette: hue, saturation and value of most of its colours, where not any. The others are its weights: how often it
    is drawn there.
    """

    draw: Callable[[Field, Random], Field]
    scale: Span = (0.3, 1.0)
    palette: tuple[Span, Span, Span] | None = None
    walls_indoors: float = 0.0
    walls_outdoors: float = 0.0
    floors_indoors: float = 0.0
    floors_outdoors: float = 0.0
    ceilings: float = 0.0
    things: float = 0.0
