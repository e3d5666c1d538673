"""Hair that recedes."""

import numpy as np

from skinseg.synthetic.geometry.arrays import Array
from skinseg.synthetic.hair.hairline import hairline_with_sideburns
from skinseg.synthetic.hair.short import grow_short
from skinseg.synthetic.hair.style import Style
from skinseg.synthetic.scene import Hair
from skinseg.synthetic.streams import Part, stream


def _receding_hairline(hair: Hair, reference: Array) -> Array:
    """From temples that recede on either side of the forelock, to a wreath round a bare top."""
    x, y, z = reference.T
    amount = stream(Part.HAIRLINE, hair.seed).uniform(0, 1)
    level = 0.972 - 0.015 * amount
    if amount < 0.5:
        temples = (0.03 + 0.10 * amount) * np.exp(-np.square((np.abs(x) - 0.05) / 0.022))
        kept = np.maximum(y + 0.132 - 0.03 * amount - temples, np.minimum(level - z, y + 0.105))
    else:
        kept = np.minimum(level + np.clip(y - 0.20 * (amount - 0.9), 0, 0.1) - z, y + 0.105)
    return np.asarray(np.minimum(hairline_with_sideburns(hair, reference), kept))


BALDING_STYLES = {
    "receding": Style(grow_short, (0.01, 0.04), women=0.0, men=0.1, hairline=_receding_hairline),
}
