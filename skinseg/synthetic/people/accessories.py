"""Worn things that are neither cloth nor body: which kinds there are, and their meshes.

What sits on the head is modelled on the person's own head at rest, between named places of the body, and then
carried along by the head's rigid motion. What sits on a limb or hangs round the neck is fitted to the posed
body.
"""

from collections.abc import Callable, Sequence

from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.mesh import Mesh
from skinseg.synthetic.people import glasses, headwear, jewellery
from skinseg.synthetic.people.anatomy import PosedBody
from skinseg.synthetic.people.fitting import Wearer, fit_to
from skinseg.synthetic.scene import Accessory
from skinseg.synthetic.surroundings.solids import Solid, mesh_of

_Builder = Callable[[Accessory, Wearer], Solid | None]
_PIECES: dict[str, tuple[tuple[str, _Builder], ...]] = {
    "glasses": (("accessory", glasses.frame), ("glass", glasses.lenses)),
    "sunglasses": (("accessory", glasses.sunglasses),),
    "beanie": (("accessory", headwear.beanie),),
    "cap": (("accessory", headwear.cap),),
    "brim_hat": (("accessory", headwear.brim_hat),),
    "headband": (("accessory", headwear.headband),),
    "face_mask": (("accessory", headwear.face_mask),),
    "headphones": (("accessory", headwear.headphones),),
    "necklace": (("accessory", jewellery.necklace),),
    "earrings": (("accessory", jewellery.earrings),),
    "watch": (("accessory", jewellery.watch),),
    "bracelet": (("accessory", jewellery.bracelet),),
    "rings": (("accessory", jewellery.rings),),
}
KINDS = tuple(_PIECES)


def wear(accessories: tuple[Accessory, ...], body: PosedBody, cloth: Sequence[Mesh] = ()) -> list[Mesh]:
    """Meshes of what is worn, class ACCESSORY, in world coordinates.

    Materials are "accessory:0:<index>", and "glass:0:<index>" for clear lenses. The second colour is a tint
    on the first. cloth: the clothes' meshes, so that a necklace lies on them; a watch or bracelet under a
    sleeve is left out. Raises ValueError on an unknown kind.
    """
    if not accessories:
        return []
    wearer = fit_to(body, cloth)
    meshes = []
    for index, accessory in enumerate(accessories):
        if accessory.kind not in _PIECES:
            raise ValueError(f"unknown accessory kind {accessory.kind!r}: expected one of {', '.join(KINDS)}")
        for material, build in _PIECES[accessory.kind]:
            solid = build(accessory, wearer)
            if solid is not None:
                meshes.append(mesh_of(solid, PartClass.ACCESSORY, f"{material}:0:{index}"))
    return meshes
