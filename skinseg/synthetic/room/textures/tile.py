"""Textures of walls, floors and ceilings as tiles that repeat without a seam.

They imitate what makes photographs what they are (Ruderman 1997, Lee, Mumford, Huang 2001): things of all
sizes that hide one another, each with a shade and a texture of its own, in uneven light.

Free of everything but the standard library, NumPy and `tones.ita`: the render worker imports it in its own
environment.
"""

import numpy as np
import numpy.typing as npt

from skinseg.synthetic.room.textures.materials import MATERIALS
from skinseg.synthetic.room.textures.nature import NATURE
from skinseg.synthetic.room.textures.scenes import SCENES
from skinseg.synthetic.room.textures.texture import Texture
from skinseg.synthetic.scene import Surface
from skinseg.synthetic.streams import Part, stream
from skinseg.tones.ita import LUMINANCE, linear_to_srgb

TEXTURES: dict[str, Texture] = MATERIALS | NATURE | SCENES
# sRGB by linear value: a table is ten times as fast as the formula.
_SRGB = (linear_to_srgb(np.linspace(0, 1, 2**14)) * 255 + 0.5).astype(np.uint8)


def texture_tile(surface: Surface) -> npt.NDArray[np.uint8]:
    """The surface's tile, uint8 (512, 512, 3), sRGB, top row first; a function of the record alone.

    Raises ValueError for a texture that does not exist.
    """
    if surface.texture not in TEXTURES:
        raise ValueError(f"texture {surface.texture!r}: expected one of {', '.join(TEXTURES)}")
    rng = stream(Part.TEXTURE, surface.seed)
    palette = np.asarray(surface.colors, dtype=np.float32).reshape(-1, 3)
    linear = np.maximum(TEXTURES[surface.texture].draw(palette, rng), 0)
    if surface.contrast != 1:
        luminance = np.maximum(linear @ LUMINANCE, 1e-3)
        middle = np.exp(np.log(luminance).mean())
        linear = linear * ((luminance / middle) ** np.float32(surface.contrast - 1))[..., None]
    return _SRGB.take((np.clip(linear, 0, 1) * (len(_SRGB) - 1) + 0.5).astype(np.uint16))
