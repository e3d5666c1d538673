"""The record of one hairstyle."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skinseg.synthetic.geometry.mesh import Strands
from skinseg.synthetic.hair.hairline import Hairline, plain_hairline
from skinseg.synthetic.hair.strands import Head
from skinseg.synthetic.scene import Hair
from skinseg.synthetic.streams import small

Grow = Callable[[Hair, Head, Hairline], list[Strands]]


def _any_curl(rng: np.random.Generator) -> float:
    return small(rng, 0.6)


@dataclass(frozen=True)
class Style:
    """What is known of one hairstyle.

    grow: the strands of the scalp. hairline: above which they grow. length: of the longest, metres, from and to.
    women, men: how often they have it unless the configuration says otherwise. curl: draws one, 0 = straight, 1 = tight
    curls. shade: how much of the hair's colour the skin below takes on.
    """

    grow: Grow
    length: tuple[float, float]
    women: float
    men: float
    hairline: Hairline = plain_hairline
    curl: Callable[[np.random.Generator], float] = _any_curl
    shade: float = 0.75
