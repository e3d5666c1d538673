"""Everyday objects and furniture that are no part of a person: class BACKGROUND, and they occlude people."""

from collections.abc import Mapping

import numpy as np

from skinseg.synthetic.body.contact import Hand, Sitter
from skinseg.synthetic.geometry.mesh import Mesh
from skinseg.synthetic.geometry.solids import Solid, mesh_of, moved, turned
from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.room.things.furniture import FURNITURE
from skinseg.synthetic.room.things.objects import OBJECTS
from skinseg.synthetic.room.things.plants import PLANTS
from skinseg.synthetic.room.things.thing import Grip, ThingKind
from skinseg.synthetic.scene import Thing
from skinseg.synthetic.streams import Part, stream

THINGS: dict[str, ThingKind] = OBJECTS | PLANTS | FURNITURE
SEATS = tuple(name for name, kind in THINGS.items() if kind.seat is not None)
GRIPS = tuple(name for name, kind in THINGS.items() if kind.held is not None)


def build_things(
    things: tuple[Thing, ...], hands: dict[str, Hand], sitters: Mapping[int, Sitter]
) -> list[Mesh]:
    """One mesh for each thing, class BACKGROUND, material "thing:<index>", with UV in metres.

    hands: `hand_frame` by the name that `Thing.held` may have. sitters: by the number that `Thing.under` may have.
    Raises ValueError on an unknown kind, on a kind that no hand can hold or nobody can sit on, and on a hand or a
    sitter that is not given.
    """
    meshes = []
    for index, thing in enumerate(things):
        if thing.kind not in THINGS:
            raise ValueError(f"unknown kind of thing {thing.kind!r}: expected one of {', '.join(THINGS)}")
        rng = stream(Part.THING, thing.seed)
        if thing.under is not None:
            solid = _under(thing, sitters, rng)
        elif thing.held:
            solid = _in_hand(thing, THINGS[thing.kind].model(thing.size, rng), hands)
        else:
            model = THINGS[thing.kind].model(thing.size, rng)
            solid = moved(model, np.array(thing.position), turned(thing.turn))
        meshes.append(mesh_of(solid, PartClass.BACKGROUND, f"thing:{index}"))
    return meshes


def _under(thing: Thing, sitters: Mapping[int, Sitter], rng: np.random.Generator) -> Solid:
    """The model with its seat below the sitter and its back, if it has one, behind theirs."""
    if thing.under is None or thing.under not in sitters:
        raise ValueError(f"{thing.kind} is under person {thing.under}: expected one of {[*sitters]}")
    kind = THINGS[thing.kind]
    if kind.seat is None:
        raise ValueError(f"nobody sits on a {thing.kind}: expected one of {', '.join(SEATS)}")
    who = sitters[thing.under]
    model = kind.model(who.height / kind.seat, rng)
    rest = model.vertices[model.vertices[:, 2] > 1.2 * who.height, 1]
    behind = rest.min() - 0.015 if len(rest) else model.vertices[:, 1].max() - 0.02
    model = moved(model, (0.0, who.back - behind, 0.0))
    return moved(model, (*who.place, 0.0), turned(who.facing))


def _in_hand(thing: Thing, model: Solid, hands: dict[str, Hand]) -> Solid:
    """The model, whose lowest point's middle is the origin, put into the palm."""
    if thing.held not in hands:
        raise ValueError(f"{thing.kind} is held by {thing.held!r}: expected one of {', '.join(hands)}")
    held = THINGS[thing.kind].held
    if held is None:
        raise ValueError(f"{thing.kind} cannot be held: expected one of {', '.join(GRIPS)}")
    palm, axes = (array.astype(np.float64) for array in hands[thing.held])
    return held.put(Grip(model, palm, axes, held.height))
