"""Photographs all round with their light, which Blender brings (Poly Haven, CC0): one record a kind.

Free of everything but the standard library: the render worker imports it in its own environment.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class PanoramaKind:
    """file: below Blender's datafiles/studiolights/world. weight: how often it is drawn."""

    file: str
    weight: float


PANORAMAS: dict[str, PanoramaKind] = {
    "city": PanoramaKind("city.exr", 1),
    "courtyard": PanoramaKind("courtyard.exr", 1),
    "forest": PanoramaKind("forest.exr", 1),
    "interior": PanoramaKind("interior.exr", 2),
    "night": PanoramaKind("night.exr", 0.5),
    "studio": PanoramaKind("studio.exr", 1),
    "sunrise": PanoramaKind("sunrise.exr", 1),
    "sunset": PanoramaKind("sunset.exr", 1),
}
