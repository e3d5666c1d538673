"""A material under construction, as Cycles' nodes."""

from typing import Any

import bpy
import numpy as np
import numpy.typing as npt

from skinseg.synthetic.scene import Color

WHITE: Color = (1.0, 1.0, 1.0)


def triple(values: npt.ArrayLike) -> Color:
    red, green, blue = np.asarray(values, dtype=np.float64)
    return float(red), float(green), float(blue)


class Shader:
    """A material under construction. A value is a number, a tuple or another node's output socket."""

    def __init__(self, name: str) -> None:
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self.nodes, self.links = self.material.node_tree.nodes, self.material.node_tree.links
        self.nodes.clear()

    def node(self, kind: str, inputs: dict[str | int, Any] | None = None, **settings: Any) -> Any:
        """A node of the type `ShaderNode<kind>`; settings first, as they decide what inputs there are."""
        node = self.nodes.new(f"ShaderNode{kind}")
        for key, value in settings.items():
            setattr(node, key, value)
        for socket, value in (inputs or {}).items():
            self.feed(node.inputs[socket], value)
        return node

    def feed(self, socket: Any, value: Any) -> None:
        """Set an input, or link it."""
        if isinstance(value, bpy.types.NodeSocket):
            self.links.new(value, socket)
        elif socket.type == "RGBA" and isinstance(value, tuple):
            socket.default_value = (*value, 1.0)
        else:
            socket.default_value = value

    def finished(self, surface: Any, bounced: Color | None = None) -> Any:
        """The material, with this shader as its surface.

        bounced: the colour by which light that only bounces off it is dulled instead: Cycles then leaves the
        details out, which few see in a neighbour's reflected light and which would cost a third of a frame.
        """
        if bounced is not None:
            seen = self.node("LightPath").outputs["Is Camera Ray"]
            plain = self.node("BsdfDiffuse", {"Color": bounced}).outputs["BSDF"]
            surface = self.node("MixShader", {0: seen, 1: plain, 2: surface}).outputs["Shader"]
        self.node("OutputMaterial", {"Surface": surface})
        return self.material

    def principled(self, color: Any, roughness: Any) -> Any:
        return self.node("BsdfPrincipled", {"Base Color": color, "Roughness": roughness})

    def uv(self) -> Any:
        return self.node("TexCoord").outputs["UV"]

    def world(self) -> Any:
        """Metres of the posed world: every object lies at the origin."""
        return self.node("TexCoord").outputs["Object"]

    def tint(self) -> Any:
        return self.node("Attribute", attribute_name="tint").outputs["Color"]

    def channels(self, color: Any) -> list[Any]:
        """Its red, green and blue."""
        return list(self.node("SeparateColor", {"Color": color}).outputs)

    def math(self, operation: str, *values: Any) -> Any:
        node = self.node("Math", dict(enumerate(values)), operation=operation)
        return node.outputs["Value"]

    def vector(self, operation: str, *values: Any) -> Any:
        """Of vectors; the length is a number."""
        node = self.node("VectorMath", dict(enumerate(values)), operation=operation)
        return node.outputs["Value" if operation == "LENGTH" else "Vector"]

    def mix(self, factor: Any, a: Any, b: Any, blend: str = "MIX") -> Any:
        """A colour between a and b, or a times b by `factor`; neither factor nor result is clamped to 1."""
        # Sockets of every data type share their names: 0 is the factor, 6 and 7 the colours, 2 the result.
        settings = {"data_type": "RGBA", "blend_type": blend, "clamp_factor": False, "clamp_result": False}
        return self.node("Mix", {0: factor, 6: a, 7: b}, **settings).outputs[2]

    def noise(self, place: Any, scale: float, detail: float = 0.0) -> Any:
        """Noise about 0.5, deviation about 0.1; output 0 is one value, "Color" three independent ones."""
        return self.node("TexNoise", {"Vector": place, "Scale": scale, "Detail": detail})

    def ramp(self, value: Any, start: float, end: float) -> Any:
        """From 0 at `start` to 1 at `end`, smoothly."""
        inputs: dict[str | int, Any] = {"Value": value, "From Min": start, "From Max": end}
        return self.node("MapRange", inputs, interpolation_type="SMOOTHSTEP").outputs["Result"]

    def spots(self, place: Any, *, per_metre: float, radius: float, share: Any) -> Any:
        """1 in the middle of round spots, 0 outside: where the surface cuts balls of up to `radius` cells, one
        in each of a `share` of the cells of a grid."""
        cells = self.node("TexVoronoi", {"Vector": place, "Scale": per_metre}).outputs
        chance, size, _ = self.channels(cells["Color"])
        chosen = self.math("LESS_THAN", chance, share)
        edge = self.math("DIVIDE", cells["Distance"], self.math("MULTIPLY", size, radius))
        return self.math("MULTIPLY", chosen, self.ramp(edge, 1.0, 0.5))

    def image(self, pixels: npt.NDArray[Any], place: Any, extension: str, *, encoded: bool = False) -> Any:
        """The colour of an image at `place`, whose unit square it fills, lowest row first.

        pixels: (H, W) or (H, W, 3) in [0, 1]; encoded: they are sRGB, not linear.
        """
        height, width = pixels.shape[:2]
        image = bpy.data.images.new(self.material.name, width, height)
        image.colorspace_settings.name = "sRGB" if encoded else "Non-Color"
        rgba = np.ones((height, width, 4), dtype=np.float32)
        rgba[..., :3] = pixels if pixels.ndim == 3 else pixels[..., None]
        image.pixels.foreach_set(rgba.ravel())
        image.update()
        node = self.node("TexImage", {"Vector": place}, extension=extension)
        node.image = image
        return node.outputs["Color"]

    def bump(self, bsdf: Any, height: Any) -> None:
        """Relief, `height` in metres."""
        node = self.node("Bump", {"Height": height, "Strength": 1.0, "Distance": 1.0})
        self.links.new(node.outputs["Normal"], bsdf.inputs["Normal"])
