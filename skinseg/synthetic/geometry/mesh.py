"""Meshes as they cross from the trainer's environment to the render worker: arrays in one .npz file.

Free of everything but the standard library and NumPy: the render worker imports it in its own environment.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Mesh:
    """A posed surface in world coordinates (metres, Z up), with the class of each face.

    vertices: float32 (V, 3).
    faces: int32 (F, 4); a triangle repeats -1 in the last column.
    classes: uint8 (F,), values of `PartClass`.
    uv: float32 (F, 4, 2) per face corner, or None.
    material: which look the worker gives it, by person p of the scene: "skin:p", "eyes:p", "teeth:p",
        "tongue:p", "hair:p", "cloth:p:<garment>", "knit:p:<garment>" (knitted cloth), "accessory:p:<accessory>",
        "glass:p:<accessory>" (clear: labels show what is behind it), or "thing:<thing>".
    tint: float32 (V, 3) multiplies the material's base colour (lips, cheeks, nails), or None.
    """

    vertices: npt.NDArray[np.float32]
    faces: npt.NDArray[np.int32]
    classes: npt.NDArray[np.uint8]
    material: str
    uv: npt.NDArray[np.float32] | None = None
    tint: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Strands:
    """Hair as polylines: points float32 (S, P, 3), radius in metres at the root (tips taper to a third).

    material: "hair:p" for person p of the scene.
    """

    points: npt.NDArray[np.float32]
    radius: float
    material: str = "hair:0"


@dataclass(frozen=True)
class Figure:
    """All geometry of a frame but the room: what the builder returns and the worker renders.

    tracks: points in world coordinates by the names that `Camera.track` may have.
    photos: uint8 (H, W, 3) sRGB by the name that a `Surface.photo` has.
    """

    meshes: tuple[Mesh, ...]
    strands: tuple[Strands, ...] = ()
    tracks: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    photos: dict[str, npt.NDArray[np.uint8]] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write one uncompressed .npz; no pickled objects."""
        arrays: dict[str, Any] = {"tracks/names": np.array(list(self.tracks), dtype=np.str_)}
        arrays["tracks/points"] = np.array(list(self.tracks.values()), dtype=np.float32).reshape(-1, 3)
        arrays |= {f"photos/{name}": pixels for name, pixels in self.photos.items()}
        for i, mesh in enumerate(self.meshes):
            for name in ("vertices", "faces", "classes", "uv", "tint"):
                value = getattr(mesh, name)
                if value is not None:
                    arrays[f"mesh/{i:03d}/{name}"] = value
            arrays[f"mesh/{i:03d}/material"] = np.array(mesh.material)
        for i, strands in enumerate(self.strands):
            arrays[f"strands/{i:03d}/points"] = strands.points
            arrays[f"strands/{i:03d}/radius"] = np.array(strands.radius)
            arrays[f"strands/{i:03d}/material"] = np.array(strands.material)
        with path.open("wb") as file:
            np.savez(file, **arrays)

    @classmethod
    def load(cls, path: Path) -> "Figure":
        """Read what `save` wrote (`allow_pickle=False`)."""
        with np.load(path, allow_pickle=False) as arrays:
            groups: dict[str, dict[str, Any]] = {}
            for key in arrays.files:
                # A photo's own name may hold slashes, the others end in a field's name.
                group, name = key.split("/", 1) if key.startswith("photos/") else key.rsplit("/", 1)
                groups.setdefault(group, {})[name] = arrays[key]
        tracks, photos = groups.pop("tracks"), groups.pop("photos", {})
        meshes, strands = [], []
        for group in sorted(groups):
            values = groups[group]
            values["material"] = str(values["material"])
            if group.startswith("mesh/"):
                meshes.append(Mesh(**values))
            else:
                strands.append(Strands(**{**values, "radius": float(values["radius"])}))
        points = {
            str(name): (float(p[0]), float(p[1]), float(p[2]))
            for name, p in zip(tracks["names"], tracks["points"], strict=True)
        }
        return cls(tuple(meshes), tuple(strands), points, photos)
