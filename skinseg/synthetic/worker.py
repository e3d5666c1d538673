"""The render worker: the only file that imports bpy (GPL). It runs as a process of its own, in its own
environment (`PYTHON worker.py`) or inside a Blender binary (`blender -b --python worker.py`).

Protocol: one JSON object a line. The first line out is {"ready": true, "blender": version}. Then for each
request on stdin

    {"scene": <Scene as JSON text>, "figure": "x.npz", "image": "i.png", "labels": "l.png",
     "min_skin_share": 0.01}

one reply on stdout: {"ok": true, "empty": false, "skin_share", "gain", "seconds": {...}} with both files
written, or {"ok": true, "empty": true, "skin_share"} with neither where too little skin shows, or
{"ok": false, "error"}. It ends with its stdin.

The label pass comes first, as it is cheap: the same geometry with emission of the class's number and no
light, one sample through the middle of each pixel. The image pass is metered in the way of an incident-light
meter, on the light that falls on the skin: dark skin stays dark. A frame is a function of its Scene and
Figure alone.
"""

import json
import math
import os
import struct
import sys
import tempfile
import time
import traceback
import zlib
from pathlib import Path
from typing import Any

# Run as a script, this file's own folder leads sys.path; the package is what is wanted.
sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != Path(__file__).resolve().parent]
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import bpy  # noqa: E402
import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from mathutils import Matrix, Vector  # noqa: E402

from skinseg.synthetic.labels import PartClass, skin_mask  # noqa: E402
from skinseg.synthetic.mesh import Figure, Mesh, Strands  # noqa: E402
from skinseg.synthetic.scene import SENSOR, Color, Garment, Hair, Light, Room, Scene, Skin, Surface  # noqa: E402
from skinseg.synthetic.textures import texture  # noqa: E402
from skinseg.tones.ita import linear_to_srgb  # noqa: E402

# How much of the lights' common tint a camera's white balance takes out: most, not all.
WHITE_BALANCE = 0.75
# Linear value that a white surface in the light of the skin gets at exposure 0: just where highlights bend.
WHITE_LEVEL = 1.1
# Linear RGB: brown, which is by far the commonest, then blue, grey-green and hazel.
IRIS_COLORS = ((0.1, 0.045, 0.02), (0.12, 0.22, 0.32), (0.16, 0.2, 0.13), (0.2, 0.1, 0.03))
# Where the body model's UV has the eyes' discs: u of their mirror line, u of a disc's middle from it, its v;
# and how far from its middle a point lies in the UV per sine of its angle from the gaze.
EYE_DISCS, EYE_DISC_SCALE = (0.786705, 0.020755, 0.95055), 0.00324
GPU_BACKENDS = ("OPTIX", "CUDA", "HIP", "METAL", "ONEAPI")

Floats = npt.NDArray[np.float32]


def main() -> None:
    """Serve requests until stdin ends."""
    # Blender writes its chatter to stdout: keep the real one for replies.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    print(json.dumps({"ready": True, "blender": bpy.app.version_string}), file=replies, flush=True)
    with tempfile.TemporaryDirectory(prefix="skinseg-worker-") as scratch:
        for line in sys.stdin:
            try:
                reply = serve(json.loads(line), Path(scratch))
            except Exception as error:
                traceback.print_exc()
                reply = {"ok": False, "error": f"{type(error).__name__}: {error}"}
            print(json.dumps(reply), file=replies, flush=True)


def serve(request: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """Render one frame, or find it empty."""
    started = time.perf_counter()
    scene = Scene.from_json(request["scene"])
    figure = Figure.load(Path(request["figure"]))
    stage = _empty_stage(scene)
    people = [_add_mesh(mesh, i) for i, mesh in enumerate(figure.meshes)]
    hair = [_add_strands(strands, i) for i, strands in enumerate(figure.strands)]
    _add_camera(stage, scene, figure)

    for mesh, obj in zip(figure.meshes, people, strict=True):
        _paint_classes(obj, mesh)
    for obj in hair:
        obj.data.materials.append(_emission("label hair", float(PartClass.HAIR)))
    labels = _label_pass(stage, scratch / "labels.exr")
    skin = skin_mask(labels)
    share = float(skin.mean())
    labelled = time.perf_counter()
    seconds = {"labels": labelled - started}
    if share < request["min_skin_share"]:
        return {"ok": True, "empty": True, "skin_share": share, "seconds": seconds}

    for mesh, obj in zip(figure.meshes, people, strict=True):
        _paint_look(obj, mesh, scene)
    for obj in hair:
        obj.data.materials.clear()
        obj.data.materials.append(_hair_look(scene.hair))
    _add_room(scene.room)
    for i, light in enumerate(scene.lights):
        _add_light(light, i)
    linear = _image_pass(stage, scene, scratch / "image.exr") / _white_balance(scene.lights)
    gain = _metered_gain(linear, skin, scene)
    write_png(Path(request["image"]), _developed(linear * gain))
    write_png(Path(request["labels"]), labels)
    seconds["image"] = time.perf_counter() - labelled
    return {"ok": True, "empty": False, "skin_share": share, "gain": gain, "seconds": seconds}


# ------------------------------------------------------------------------------------------------- passes


def _empty_stage(scene: Scene) -> Any:
    """A scene without anything, so that nothing of the last frame leaks into this one."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    stage = bpy.context.scene
    stage.world = bpy.data.worlds.new("black")
    stage.world.color = (0.0, 0.0, 0.0)
    render = stage.render
    render.engine = "CYCLES"
    render.resolution_x = render.resolution_y = scene.resolution
    render.resolution_percentage = 100
    # One worker a core: as many frames at once, and no threads that wait for one another.
    render.threads_mode, render.threads = "FIXED", 1
    render.image_settings.file_format = "OPEN_EXR"
    render.image_settings.color_depth = "32"
    render.image_settings.exr_codec = "NONE"
    stage.view_settings.view_transform = "Raw"
    stage.cycles.device = "GPU" if _use_gpu() else "CPU"
    stage.cycles.seed = 0
    stage.cycles.use_adaptive_sampling = False
    stage.cycles_curves.shape = "RIBBONS"
    return stage


def _use_gpu() -> bool:
    """Turn the first kind of GPU on that Cycles finds; factory settings turn it off again."""
    preferences = bpy.context.preferences.addons["cycles"].preferences
    for backend in GPU_BACKENDS:
        try:
            preferences.compute_device_type = backend
        except TypeError:  # this build of Blender has no such backend
            continue
        preferences.refresh_devices()
        found = [device for device in preferences.devices if device.type == backend]
        if found:
            for device in preferences.devices:
                device.use = device.type == backend
            return True
    preferences.compute_device_type = "NONE"
    return False


def _label_pass(stage: Any, path: Path) -> npt.NDArray[np.uint8]:
    """Classes, uint8 (H, W): one camera ray through each pixel's middle, so no value is a mixture."""
    cycles = stage.cycles
    cycles.samples = 1
    cycles.use_denoising = False
    cycles.max_bounces = 0
    cycles.pixel_filter_type = "BOX"
    cycles.filter_width = 0.01
    values = _rendered(stage, path)[..., 0]
    return np.rint(values).astype(np.uint8)


def _image_pass(stage: Any, scene: Scene, path: Path) -> Floats:
    """Linear radiance, float32 (H, W, 3), denoised."""
    cycles = stage.cycles
    cycles.samples = scene.samples
    cycles.use_denoising = True
    cycles.denoiser = "OPENIMAGEDENOISE"
    cycles.denoising_input_passes = "RGB_ALBEDO_NORMAL"
    cycles.max_bounces = 5
    cycles.diffuse_bounces = 3
    cycles.glossy_bounces = 2
    cycles.transmission_bounces = 2
    cycles.sample_clamp_indirect = 10.0
    cycles.pixel_filter_type = "BLACKMAN_HARRIS"
    cycles.filter_width = 1.5
    return _rendered(stage, path)


def _rendered(stage: Any, path: Path) -> Floats:
    """Render and read the float pixels back, top row first: (H, W, 3)."""
    stage.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(str(path))
    image.colorspace_settings.name = "Non-Color"
    width, height = image.size
    flat = np.empty(width * height * 4, dtype=np.float32)
    image.pixels.foreach_get(flat)
    bpy.data.images.remove(image)
    path.unlink()
    return np.ascontiguousarray(flat.reshape(height, width, 4)[::-1, :, :3])


def _metered_gain(linear: npt.NDArray[np.float64], skin: npt.NDArray[np.uint8], scene: Scene) -> float:
    """Exposure from the light that falls on the visible skin, not from what the skin sends back.

    Luminance over albedo estimates that light; its 70th percentile is about the lit side.
    """
    weights = np.array([0.2126, 0.7152, 0.0722])
    light = linear[skin == 1] @ weights / float(np.dot(scene.skin.albedo, weights))
    level = max(float(np.percentile(light, 70)), 1e-6)
    return float(WHITE_LEVEL / level * 2.0**scene.camera.exposure)


def _white_balance(lights: tuple[Light, ...]) -> npt.NDArray[np.float64]:
    """Per channel, what the camera divides by: most of the lights' mean colour, at luminance 1."""
    colors = np.array([kelvin_to_rgb(light.temperature) for light in lights])
    powers = np.array([light.power for light in lights])
    mean = (colors * powers[:, None]).sum(axis=0) / powers.sum()
    return np.asarray(mean**WHITE_BALANCE, dtype=np.float64)


def _developed(linear: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Linear light to 8-bit sRGB; above 0.8 a shoulder bends highlights to white instead of clipping."""
    knee = 0.8
    excess = np.maximum(linear - knee, 0.0)
    bent = np.where(linear > knee, knee + (1 - knee) * (1 - np.exp(-excess / (1 - knee))), linear)
    bent = bent.clip(0.0, 1.0)
    return (linear_to_srgb(bent) * 255 + 0.5).astype(np.uint8)


def write_png(path: Path, pixels: npt.NDArray[np.uint8]) -> None:
    """8-bit grey (H, W) or RGB (H, W, 3); Blender's own writer would put its colour management between."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    height, width = pixels.shape[:2]
    rows = np.zeros((height, 1 + pixels[0].size), dtype=np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows.tobytes(), 6)), chunk(b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


# ----------------------------------------------------------------------------------------------- geometry


def _add_mesh(mesh: Mesh, number: int) -> Any:
    """Vertices, faces, UV and tint, without a material."""
    sizes = np.where(mesh.faces[:, 3] < 0, 3, 4).astype(np.int32)
    corners = mesh.faces >= 0
    loops = mesh.faces[corners].astype(np.int32)
    data = bpy.data.meshes.new(f"mesh {number}")
    data.vertices.add(len(mesh.vertices))
    data.vertices.foreach_set("co", np.ascontiguousarray(mesh.vertices, dtype=np.float32).ravel())
    data.loops.add(len(loops))
    data.loops.foreach_set("vertex_index", loops)
    data.polygons.add(len(sizes))
    data.polygons.foreach_set("loop_start", np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32))
    data.polygons.foreach_set("use_smooth", np.ones(len(sizes), dtype=bool))
    if mesh.uv is not None:
        layer = data.uv_layers.new(name="uv")
        layer.data.foreach_set("uv", np.ascontiguousarray(mesh.uv[corners], dtype=np.float32).ravel())
    if mesh.tint is not None:
        tint = data.attributes.new("tint", "FLOAT_COLOR", "POINT")
        rgba = np.concatenate([mesh.tint, np.ones((len(mesh.tint), 1))], axis=1)
        tint.data.foreach_set("color", rgba.astype(np.float32).ravel())
    data.update(calc_edges=True)
    return _link(bpy.data.objects.new(f"mesh {number}", data))


def _add_strands(strands: Strands, number: int) -> Any:
    """Polylines as a curves object; tips taper to a third of the root."""
    count, length, _ = strands.points.shape
    data = bpy.data.hair_curves.new(f"strands {number}")
    data.add_curves([length] * count)
    data.points.foreach_set("position", np.ascontiguousarray(strands.points, dtype=np.float32).ravel())
    taper = np.linspace(strands.radius, strands.radius / 3, length, dtype=np.float32)
    data.points.foreach_set("radius", np.tile(taper, count))
    return _link(bpy.data.objects.new(f"strands {number}", data))


def _link(obj: Any) -> Any:
    bpy.context.scene.collection.objects.link(obj)
    return obj


def _add_camera(stage: Any, scene: Scene, figure: Figure) -> None:
    """On the paper's circle about the tracked point, aimed at it."""
    camera = scene.camera
    target = Vector(figure.tracks[camera.track])
    position = Vector(
        (
            target.x + camera.radius * math.cos(camera.theta),
            target.y + camera.radius * math.sin(camera.theta),
            camera.z,
        )
    )
    data = bpy.data.cameras.new("camera")
    data.sensor_width = SENSOR
    data.lens = camera.focal_length
    data.shift_x, data.shift_y = camera.shift
    data.clip_start, data.clip_end = 0.02, 200.0
    obj = _link(bpy.data.objects.new("camera", data))
    turn = (target - position).to_track_quat("-Z", "Y").to_matrix() @ Matrix.Rotation(camera.roll, 3, "Z")
    obj.matrix_world = Matrix.Translation(position) @ turn.to_4x4()
    stage.camera = obj


def _add_room(room: Room) -> None:
    """Six inward planes with UV in metres."""
    x, y, z = room.size[0] / 2, room.size[1] / 2, room.size[2]
    planes = (
        ("floor", room.floor, ((-x, -y, 0), (x, -y, 0), (x, y, 0), (-x, y, 0))),
        ("ceiling", room.ceiling, ((-x, -y, z), (-x, y, z), (x, y, z), (x, -y, z))),
        ("south", room.walls, ((-x, -y, 0), (-x, -y, z), (x, -y, z), (x, -y, 0))),
        ("north", room.walls, ((-x, y, 0), (x, y, 0), (x, y, z), (-x, y, z))),
        ("west", room.walls, ((-x, -y, 0), (-x, y, 0), (-x, y, z), (-x, -y, z))),
        ("east", room.walls, ((x, -y, 0), (x, -y, z), (x, y, z), (x, y, 0))),
    )
    looks = {id(surface): _surface_look(surface) for surface in (room.walls, room.floor, room.ceiling)}
    for number, (name, surface, corners) in enumerate(planes):
        # Metres along the wall and up; each wall starts elsewhere in the texture.
        flat = [(p[0], p[1]) if name in ("floor", "ceiling") else (p[0] + p[1], p[2]) for p in corners]
        uv = np.array([[(u + 1.7 * number, v) for u, v in flat]], dtype=np.float32)
        mesh = Mesh(
            np.array(corners, dtype=np.float32),
            np.array([[0, 1, 2, 3]], dtype=np.int32),
            np.zeros(1, dtype=np.uint8),
            "room",
            uv,
        )
        _add_mesh(mesh, 1000 + number).data.materials.append(looks[id(surface)])


def _add_light(light: Light, number: int) -> None:
    data = bpy.data.lights.new(f"light {number}", "AREA")
    data.shape, data.size = "SQUARE", light.edge
    data.energy = light.power
    data.color = kelvin_to_rgb(light.temperature)
    obj = _link(bpy.data.objects.new(f"light {number}", data))
    obj.location = light.position
    obj.rotation_euler = (Vector(light.target) - Vector(light.position)).to_track_quat("-Z", "Y").to_euler()
    obj.visible_camera = False


def kelvin_to_rgb(temperature: float) -> Color:
    """Linear sRGB of a black body at luminance 1, 1000-25000 K.

    Chromaticity by the cubic fit of Kim et al. 2002 (US 7024034), for 1667 K and above.
    """
    t = min(max(temperature, 1667.0), 25000.0)
    if t <= 4000:
        x = -0.2661239e9 / t**3 - 0.2343589e6 / t**2 + 0.8776956e3 / t + 0.179910
    else:
        x = -3.0258469e9 / t**3 + 2.1070379e6 / t**2 + 0.2226347e3 / t + 0.240390
    if t <= 2222:
        y = -1.1063814 * x**3 - 1.34811020 * x**2 + 2.18555832 * x - 0.20219683
    elif t <= 4000:
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    cx, cz = x / y, (1 - x - y) / y
    red = 3.2404542 * cx - 1.5371385 - 0.4985314 * cz
    green = -0.9692660 * cx + 1.8760108 + 0.0415560 * cz
    blue = 0.0556434 * cx - 0.2040259 + 1.0572252 * cz
    return (max(red, 0.0), max(green, 0.0), max(blue, 0.01))


# -------------------------------------------------------------------------------------------------- looks


def _paint_classes(obj: Any, mesh: Mesh) -> None:
    """One emission material per class of the mesh, and each face its own class's."""
    classes = np.unique(mesh.classes)
    for value in classes:
        obj.data.materials.append(_emission(f"label {value}", float(value)))
    slots = np.searchsorted(classes, mesh.classes).astype(np.int32)
    obj.data.polygons.foreach_set("material_index", slots)
    obj.data.update()


def _emission(name: str, strength: float) -> Any:
    found = bpy.data.materials.get(name)
    if found is not None:
        return found
    material, nodes, links = _material(name)
    emission = nodes.new("ShaderNodeEmission")
    emission.inputs["Color"].default_value = (1.0, 1.0, 1.0, 1.0)
    emission.inputs["Strength"].default_value = strength
    links.new(emission.outputs["Emission"], nodes["Output"].inputs["Surface"])
    return material


def _paint_look(obj: Any, mesh: Mesh, scene: Scene) -> None:
    data = obj.data
    data.materials.clear()
    data.polygons.foreach_set("material_index", np.zeros(len(data.polygons), dtype=np.int32))
    kind, _, number = mesh.material.partition(":")
    if kind == "skin":
        look = _skin_look(scene.skin, tinted=mesh.tint is not None)
    elif kind == "cloth":
        look = _cloth_look(scene.garments[int(number)], in_uv=mesh.uv is not None)
    elif kind == "eyes":
        look = _eye_look(scene)
    elif kind == "teeth":
        look = _plain_look("teeth", (0.75, 0.7, 0.58), 0.25)
    elif kind == "tongue":
        look = _plain_look("tongue", (0.4, 0.13, 0.12), 0.4)
    elif kind in ("lashes", "hair"):
        look = _hair_look(scene.hair)
    else:
        raise ValueError(f"mesh material {mesh.material!r} has no look")
    data.materials.append(look)
    data.update()


def _skin_look(skin: Skin, tinted: bool) -> Any:
    """Albedo with blotches and fine grain, vertex tints, and light that travels below the surface."""
    material, nodes, links = _material("skin")
    bsdf = _principled(nodes, links, skin.roughness)
    bsdf.inputs["Subsurface Weight"].default_value = skin.subsurface
    bsdf.inputs["Subsurface Radius"].default_value = (1.0, 0.35, 0.2)
    bsdf.inputs["Subsurface Scale"].default_value = 0.006
    bsdf.inputs["Specular IOR Level"].default_value = 0.4
    blotches = _noise_value(nodes, links, scale=9.0, detail=3.0)
    grain = _noise_value(nodes, links, scale=220.0, detail=1.0)
    low, high = 1 - skin.mottling, 1 + skin.mottling
    pale = _mixed(nodes, links, blotches, _gray(low), (high, high * 0.94, high * 0.92), "MIX")
    fine = _mixed(nodes, links, grain, _gray(1 - skin.mottling / 2), _gray(1 + skin.mottling / 2), "MIX")
    color = _mixed(nodes, links, 1.0, pale, fine, "MULTIPLY")
    color = _mixed(nodes, links, 1.0, color, skin.albedo, "MULTIPLY")
    if tinted:
        color = _mixed(nodes, links, 1.0, color, _tint(nodes), "MULTIPLY")
    links.new(color, bsdf.inputs["Base Color"])
    _bump(nodes, links, bsdf, grain, strength=0.15, distance=0.0015)
    return material


def _eye_look(scene: Scene) -> Any:
    """Sclera, iris and pupil by the distance in the UV from the middle of each eye's disc."""
    light_eyes = scene.skin.fitzpatrick <= 3 and scene.hair.seed % 2 == 0
    iris = IRIS_COLORS[scene.hair.seed // 2 % len(IRIS_COLORS)] if light_eyes else IRIS_COLORS[0]
    material, nodes, links = _material("eyes")
    bsdf = _principled(nodes, links, 0.08)
    axes = nodes.new("ShaderNodeSeparateXYZ")
    links.new(nodes.new("ShaderNodeTexCoord").outputs["UV"], axes.inputs["Vector"])
    (middle, half, height), scale = EYE_DISCS, EYE_DISC_SCALE
    # The two discs mirror each other.
    side = _math(nodes, links, "ABSOLUTE", _math(nodes, links, "SUBTRACT", axes.outputs["X"], middle), 0.0)
    u = _math(nodes, links, "SUBTRACT", side, half)
    v = _math(nodes, links, "SUBTRACT", axes.outputs["Y"], height)
    squares = [_math(nodes, links, "MULTIPLY", part, part) for part in (u, v)]
    distance = _math(nodes, links, "SQRT", _math(nodes, links, "ADD", *squares), 0.0)
    in_iris = _math(nodes, links, "LESS_THAN", distance, 0.36 * scale)
    in_pupil = _math(nodes, links, "LESS_THAN", distance, 0.14 * scale)
    color = _mixed(nodes, links, in_iris, (0.7, 0.66, 0.62), iris, "MIX")
    links.new(_mixed(nodes, links, in_pupil, color, _gray(0.005), "MIX"), bsdf.inputs["Base Color"])
    return material


def _cloth_look(garment: Garment, in_uv: bool) -> Any:
    """Colour and pattern; coordinates are metres, from the UV where the mesh has one."""
    material, nodes, links = _material("cloth")
    bsdf = _principled(nodes, links, garment.roughness)
    bsdf.inputs["Sheen Weight"].default_value = 0.15
    bsdf.inputs["Specular IOR Level"].default_value = 0.2
    coordinates = nodes.new("ShaderNodeTexCoord").outputs["UV" if in_uv else "Object"]
    amount: Any = 0.0
    if garment.pattern == "noise":
        amount = _noise_value(nodes, links, scale=garment.pattern_scale, detail=2.0, contrast=4.0)
    elif garment.pattern in ("stripes", "checks"):
        axes = nodes.new("ShaderNodeSeparateXYZ")
        links.new(coordinates, axes.inputs["Vector"])
        along = axes.outputs["Y" if in_uv else "Z"]
        across = axes.outputs["X"]
        amount = _square_wave(nodes, links, along, garment.pattern_scale)
        if garment.pattern == "checks":
            other = _square_wave(nodes, links, across, garment.pattern_scale)
            amount = _math(nodes, links, "MULTIPLY", _math(nodes, links, "ADD", amount, other), 0.5)
    color = _mixed(nodes, links, amount, garment.color, garment.pattern_color, "MIX")
    wear = _noise_value(nodes, links, scale=14.0, detail=4.0)
    shade = _mixed(nodes, links, wear, _gray(0.85), _gray(1.1), "MIX")
    links.new(_mixed(nodes, links, 1.0, color, shade, "MULTIPLY"), bsdf.inputs["Base Color"])
    _bump(nodes, links, bsdf, wear, strength=0.3, distance=0.01)
    return material


def _hair_look(hair: Hair) -> Any:
    return _plain_look("hair", hair.color, 0.45)


def _surface_look(surface: Surface) -> Any:
    """The surface's texture, repeated `surface.scale` times a metre."""
    pixels = texture(surface)
    size = pixels.shape[0]
    image = bpy.data.images.new("texture", size, size)
    rgba = np.ones((size, size, 4), dtype=np.float32)
    rgba[..., :3] = pixels[::-1] / np.float32(255)
    image.pixels.foreach_set(rgba.ravel())
    image.update()
    material, nodes, links = _material("surface")
    bsdf = _principled(nodes, links, surface.roughness)
    mapping = nodes.new("ShaderNodeMapping")
    mapping.inputs["Scale"].default_value = (surface.scale, surface.scale, 1.0)
    node = nodes.new("ShaderNodeTexImage")
    node.image = image
    links.new(nodes.new("ShaderNodeTexCoord").outputs["UV"], mapping.inputs["Vector"])
    links.new(mapping.outputs["Vector"], node.inputs["Vector"])
    links.new(node.outputs["Color"], bsdf.inputs["Base Color"])
    return material


def _plain_look(name: str, color: Color, roughness: float) -> Any:
    material, nodes, links = _material(name)
    bsdf = _principled(nodes, links, roughness)
    bsdf.inputs["Base Color"].default_value = (*color, 1.0)
    return material


# -------------------------------------------------------------------------------------------------- nodes


def _material(name: str) -> tuple[Any, Any, Any]:
    """A material with only an output node, named "Output"."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    nodes.new("ShaderNodeOutputMaterial").name = "Output"
    return material, nodes, links


def _principled(nodes: Any, links: Any, roughness: float) -> Any:
    bsdf = nodes.new("ShaderNodeBsdfPrincipled")
    bsdf.inputs["Roughness"].default_value = roughness
    links.new(bsdf.outputs["BSDF"], nodes["Output"].inputs["Surface"])
    return bsdf


def _tint(nodes: Any) -> Any:
    node = nodes.new("ShaderNodeAttribute")
    node.attribute_name = "tint"
    return node.outputs["Color"]


def _gray(value: float) -> Color:
    return (value, value, value)


def _mixed(nodes: Any, links: Any, factor: Any, a: Any, b: Any, blend: str) -> Any:
    """A colour mix; factor and colours are plain values or sockets. Nothing is clamped to 1."""
    node = nodes.new("ShaderNodeMix")
    node.data_type, node.blend_type = "RGBA", blend
    node.clamp_result = False
    # Sockets of every data type share their names: 0 is the factor, 6 and 7 the colours, 2 the result.
    for socket, value in ((node.inputs[0], factor), (node.inputs[6], a), (node.inputs[7], b)):
        if isinstance(value, float):
            socket.default_value = value
        elif isinstance(value, tuple):
            socket.default_value = (*value, 1.0)
        else:
            links.new(value, socket)
    return node.outputs[2]


def _math(nodes: Any, links: Any, operation: str, a: Any, b: Any) -> Any:
    node = nodes.new("ShaderNodeMath")
    node.operation = operation
    for socket, value in ((node.inputs[0], a), (node.inputs[1], b)):
        if isinstance(value, float):
            socket.default_value = value
        else:
            links.new(value, socket)
    return node.outputs["Value"]


def _square_wave(nodes: Any, links: Any, coordinate: Any, repeats: float) -> Any:
    """0 and 1 in turns, `repeats` times a metre."""
    scaled = _math(nodes, links, "MULTIPLY", coordinate, float(repeats))
    return _math(nodes, links, "GREATER_THAN", _math(nodes, links, "FRACT", scaled, 0.0), 0.5)


def _noise_value(nodes: Any, links: Any, scale: float, detail: float, contrast: float = 1.8) -> Any:
    """Noise over metres of the posed world, spread about 0.5 and clamped to [0, 1]."""
    node = nodes.new("ShaderNodeTexNoise")
    node.inputs["Scale"].default_value = scale
    node.inputs["Detail"].default_value = detail
    links.new(nodes.new("ShaderNodeTexCoord").outputs["Object"], node.inputs["Vector"])
    spread = nodes.new("ShaderNodeMapRange")
    spread.inputs["From Min"].default_value = 0.5 - 0.5 / contrast
    spread.inputs["From Max"].default_value = 0.5 + 0.5 / contrast
    links.new(node.outputs[0], spread.inputs["Value"])
    return spread.outputs["Result"]


def _bump(nodes: Any, links: Any, bsdf: Any, height: Any, strength: float, distance: float) -> None:
    node = nodes.new("ShaderNodeBump")
    node.inputs["Strength"].default_value = strength
    node.inputs["Distance"].default_value = distance
    links.new(height, node.inputs["Height"])
    links.new(node.outputs["Normal"], bsdf.inputs["Normal"])


if __name__ == "__main__":
    main()
