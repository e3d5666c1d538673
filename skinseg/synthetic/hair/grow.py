"""Scalp hair, brows, lashes and beards as strands, rooted by reference coordinates so that every head agrees.

Long hair follows a few hundred guides: each leaves the scalp along the comb, slides over the skull, falls with
the world's gravity and is pushed out of neck, shoulders and back. Strands gather about the nearest guide into
locks. `hairline.py` says where hair grows, `strands.py` how it runs.
"""

import dataclasses

import numpy as np
import numpy.typing as npt

from skinseg.synthetic.body.anatomy import PosedBody, body_classes, face_groups
from skinseg.synthetic.geometry.arrays import Floats
from skinseg.synthetic.geometry.mesh import Strands
from skinseg.synthetic.hair.balding import BALDING_STYLES
from skinseg.synthetic.hair.beards import BEARDS, NO_BEARD, Beard, beard_depth, grow_beard
from skinseg.synthetic.hair.face import grow_brows, grow_lashes
from skinseg.synthetic.hair.hairline import reference_skin
from skinseg.synthetic.hair.long import LONG_STYLES
from skinseg.synthetic.hair.short import SHORT_STYLES
from skinseg.synthetic.hair.strands import posed_head
from skinseg.synthetic.hair.style import Style
from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.scene import Hair

STYLES: dict[str, Style] = SHORT_STYLES | LONG_STYLES | BALDING_STYLES


def grow_hair(hair: Hair, body: PosedBody, pixel: float = 0.0) -> list[Strands]:
    """Scalp hair, beard, brows and lashes of one person, in the coordinates of `body.posed`.

    pixel: metres that a pixel of the frame spans at the head. What is far away gets fewer and wider strands:
    no pixel shows the difference, and Blender takes up to a quarter less time.
    A function of the arguments alone. Raises ValueError on an unknown style or beard.
    """
    style, beard = _records(hair)
    head = posed_head(body, pixel)
    groups = style.grow(hair, head, style.hairline)
    if beard is not None and beard.strands:  # stubble is a tint of the skin, see `hair_shade`
        groups.append(grow_beard(hair, head))
    if hair.brows > 0:
        groups.append(grow_brows(hair, head))
    if hair.lashes > 0:
        groups.append(grow_lashes(hair, body))
    return [group for group in groups if len(group.points)]


def haired_faces(hair: Hair) -> npt.NDArray[np.bool_]:
    """Which of the "body" faces lie under dense hair of scalp or beard, bool (F,).

    What shows there between strands is hair to the eye. Raises ValueError on an unknown style or beard.
    """
    style, beard = _records(hair)
    faces = face_groups()["body"]
    covered = style.hairline(hair, reference_skin()) > 0.006
    if beard is not None and hair.beard_length > beard.dense_from:
        covered |= beard_depth(hair.beard, reference_skin()) > 0.005
    return np.asarray(covered[faces].all(axis=1) & (body_classes() == PartClass.SKIN))


def hair_shade(hair: Hair) -> Floats:
    """How much of the hair's colour the skin takes on at each body vertex, float32 (13380,) in [0, 1].

    Roots too short and too fine to be strands: stubble, a shaved scalp, the ground of all dense hair.
    Raises ValueError on an unknown style or beard.
    """
    style, beard = _records(hair)
    reference = reference_skin()
    shade = style.shade * np.clip(style.hairline(hair, reference) / 0.012, 0, 1)
    if beard is not None:
        shade = np.maximum(shade, beard.shade * np.clip(beard_depth(hair.beard, reference) / 0.010, 0, 1))
    return np.asarray(shade, np.float32)


def without_scalp_hair(hair: Hair) -> Hair:
    """Hair of whose scalp nothing shows, as under a headscarf."""
    return dataclasses.replace(hair, style="bald")


def _records(hair: Hair) -> tuple[Style, Beard | None]:
    if hair.style not in STYLES:
        raise ValueError(f"unknown hair style {hair.style!r}: expected one of {', '.join(STYLES)}")
    if hair.beard not in (NO_BEARD, *BEARDS):
        raise ValueError(f"unknown beard {hair.beard!r}: expected one of {', '.join((NO_BEARD, *BEARDS))}")
    return STYLES[hair.style], BEARDS.get(hair.beard)
