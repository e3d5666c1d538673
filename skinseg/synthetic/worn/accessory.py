"""The record of one kind of accessory."""

from collections.abc import Callable
from dataclasses import dataclass

from skinseg.synthetic.geometry.solids import Solid
from skinseg.synthetic.scene import Accessory
from skinseg.synthetic.worn.fitting import Cover, Wearer

Builder = Callable[[Accessory, Wearer], Solid | None]


@dataclass(frozen=True)
class AccessoryKind:
    """What is known of one kind of accessory.

    build: its solid, or None where it cannot be worn. glass: clear panes in it, or None. cover: of a size, what of the
    head it presses hair on, or None. place: "eyes", "head" or "jewellery"; weight: how often, among the others of that
    place, it is worn there. polished: smooth rather than rough. metal: share of it that is of gold or silver.
    """

    build: Builder
    place: str
    weight: float = 1.0
    glass: Builder | None = None
    cover: Callable[[float], Cover] | None = None
    polished: bool = False
    metal: float = 0.0
