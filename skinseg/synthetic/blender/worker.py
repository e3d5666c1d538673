"""The render worker: a process of its own with Blender's bpy (GPL), in its own environment
(`PYTHON worker.py`) or inside a Blender binary (`blender -b --python worker.py`).

Protocol: one JSON object a line. The first line out is {"ready": true, "blender": version}. Then for each
request on stdin

    {"scene": <Scene as JSON text>, "figure": "x.npz", "labels": "l.npy", "linear": "i.npy",
     "min_skin_share": 0.01}

one reply on stdout: {"ok": true, "empty": false, "skin_share", "seconds": {...}, "memory_mb"} with both files
written, or {"ok": true, "empty": true, ...} with the labels only where too little skin shows, or
{"ok": false, "error"}. It ends with its stdin. labels: uint8 (H, W), a `PartClass` per pixel; linear: float32
(H, W, 3), the light that reaches the camera, linear sRGB, which `develop.py` makes a photograph of.

The label pass comes first, as it is cheap: the same geometry with emission of the class's number and no
light, one sample through the middle of each pixel. A frame is a function of its Scene and Figure alone.
"""

import json
import os
import resource
import sys
import tempfile
import time
import traceback
from functools import cache
from pathlib import Path
from typing import Any

# Run as a script, this file's own folder leads sys.path; the package is what is wanted.
sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != Path(__file__).resolve().parent]
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import bpy  # noqa: E402
import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from mathutils import Matrix, Vector  # noqa: E402

from skinseg.synthetic.blender.looks import class_look, look_of, surface_look  # noqa: E402
from skinseg.synthetic.blender.panorama import ground_look, set_panorama  # noqa: E402
from skinseg.synthetic.geometry.arrays import Floats  # noqa: E402
from skinseg.synthetic.geometry.mesh import Figure, Mesh, Strands  # noqa: E402
from skinseg.synthetic.labels import PartClass, skin_mask  # noqa: E402
from skinseg.synthetic.room.light import kelvin_to_rgb  # noqa: E402
from skinseg.synthetic.scene import SENSOR, Light, Room, Scene, Surface  # noqa: E402

GROUND_EDGE = 60.0  # metres that a panorama's ground goes in every direction
SUN_ANGLE = 0.02  # radians: the sun's disc and a little haze, for shadows with an edge
GPU_BACKENDS = ("OPTIX", "CUDA", "HIP", "METAL", "ONEAPI")


def main() -> None:
    """Serve requests until stdin ends."""
    # Blender writes its chatter to stdout: keep the real one for replies.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    bpy.ops.wm.read_factory_settings(use_empty=True)  # not the preferences of whoever uses this Blender
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
    surfaces = [_add_mesh(mesh, i) for i, mesh in enumerate(figure.meshes)]
    hair = [_add_strands(strands, i) for i, strands in enumerate(figure.strands)]
    _add_camera(stage, scene, figure)

    for mesh, obj in zip(figure.meshes, surfaces, strict=True):
        _paint_classes(obj, mesh)
        obj.hide_render = mesh.material.startswith("glass:")
    for obj in hair:
        obj.data.materials.append(class_look(PartClass.HAIR))
    cycles = -time.perf_counter()
    labels = np.rint(_label_pass(stage, scratch / "labels.exr")).astype(np.uint8)
    cycles += time.perf_counter()
    share = float(skin_mask(labels).mean())
    np.save(request["labels"], labels)
    empty = share < request["min_skin_share"]
    if not empty:
        for mesh, obj in zip(figure.meshes, surfaces, strict=True):
            obj.hide_render = False
            _paint_look(obj, mesh, scene, figure)
        for strands, obj in zip(figure.strands, hair, strict=True):
            obj.data.materials.clear()
            obj.data.materials.append(
                look_of(strands.material, scene, tinted=False, in_uv=False, photos=figure.photos)
            )
        if scene.room.panorama is None:
            _add_room(scene.room, figure)
        else:
            set_panorama(stage, scene.room.panorama)
            _add_ground(scene.room)
        for i, light in enumerate(scene.lights):
            _add_light(light, i)
        cycles -= time.perf_counter()
        linear = _image_pass(stage, scene, scratch / "image.exr")
        cycles += time.perf_counter()
        np.save(request["linear"], linear)
    # "cycles" is what Blender's own render call takes, label and image pass together.
    seconds = {"worker": time.perf_counter() - started, "cycles": cycles}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"ok": True, "empty": empty, "skin_share": share, "seconds": seconds, "memory_mb": memory}


# ------------------------------------------------------------------------------------------------- passes


def _empty_stage(scene: Scene) -> Any:
    """A scene without anything, so that nothing of the last frame leaks into this one."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
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
    # For three lamps a light tree saves nothing, and building one over every glowing face of the label pass
    # takes a second; the denoiser's two other settings cost half a second each at no gain in quality to see.
    stage.cycles.use_light_tree = False
    stage.cycles.denoising_quality = "FAST"
    stage.cycles.denoising_prefilter = "FAST"
    stage.cycles_curves.shape = "RIBBONS"
    return stage


@cache
def _use_gpu() -> bool:
    """Turn the first kind of GPU on that Cycles finds: a preference, which outlives a frame's scene."""
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


def _label_pass(stage: Any, path: Path) -> Floats:
    """Class numbers (H, W): one camera ray through each pixel's middle, so that no value is a mixture."""
    cycles = stage.cycles
    cycles.samples = 1
    cycles.use_denoising = False
    cycles.max_bounces = 0
    cycles.pixel_filter_type = "BOX"
    cycles.filter_width = 0.01
    return _rendered(stage, path)[..., 0]


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


# ----------------------------------------------------------------------------------------------- geometry


def _add_mesh(mesh: Mesh, number: int) -> Any:
    """Vertices, faces, UV and tint, without a material; a new mesh is smooth."""
    # Blender copies arrays into attributes at once; into its older properties it goes item by item.
    corners = mesh.faces >= 0
    loops = mesh.faces[corners].astype(np.int32)
    starts = np.concatenate([[0], np.cumsum(corners.sum(axis=1))[:-1]]).astype(np.int32)
    data = bpy.data.meshes.new(f"mesh {number}")
    data.vertices.add(len(mesh.vertices))
    _fill(data, "position", "vector", mesh.vertices)
    data.loops.add(len(loops))
    data.attributes[".corner_vert"].data.foreach_set("value", loops)
    data.polygons.add(len(starts))
    data.polygons.foreach_set("loop_start", starts)
    if mesh.uv is not None:
        data.uv_layers.new(name="uv")
        _fill(data, "uv", "vector", mesh.uv[corners])
    if mesh.tint is not None:
        data.attributes.new("tint", "FLOAT_COLOR", "POINT")
        _fill(data, "tint", "color", np.concatenate([mesh.tint, np.ones((len(mesh.tint), 1))], axis=1))
    data.update(calc_edges=True)
    return _link(bpy.data.objects.new(f"mesh {number}", data))


def _add_strands(strands: Strands, number: int) -> Any:
    """Polylines as a curves object; tips taper to a third of the root."""
    count, length, _ = strands.points.shape
    data = bpy.data.hair_curves.new(f"strands {number}")
    data.add_curves([length] * count)
    _fill(data, "position", "vector", strands.points)
    data.attributes.new("radius", "FLOAT", "POINT")
    _fill(data, "radius", "value", np.tile(np.linspace(strands.radius, strands.radius / 3, length), count))
    return _link(bpy.data.objects.new(f"strands {number}", data))


def _fill(data: Any, attribute: str, field: str, values: npt.NDArray[Any]) -> None:
    """Set an attribute of meshes or curves from floats, of any shape."""
    data.attributes[attribute].data.foreach_set(field, np.ascontiguousarray(values, dtype=np.float32).ravel())


def _link(obj: Any) -> Any:
    bpy.context.scene.collection.objects.link(obj)
    return obj


def _add_camera(stage: Any, scene: Scene, figure: Figure) -> None:
    """On the paper's circle about the tracked point, aimed at it."""
    camera = scene.camera
    track = figure.tracks[camera.track]
    target, position = Vector(track), Vector(scene.eye(track))
    data = bpy.data.cameras.new("camera")
    data.sensor_width = SENSOR
    data.lens = camera.focal_length
    data.shift_x, data.shift_y = camera.shift
    data.clip_start, data.clip_end = 0.02, 200.0
    obj = _link(bpy.data.objects.new("camera", data))
    turn = (target - position).to_track_quat("-Z", "Y").to_matrix() @ Matrix.Rotation(camera.roll, 3, "Z")
    obj.matrix_world = Matrix.Translation(position) @ turn.to_4x4()
    stage.camera = obj


def _add_room(room: Room, figure: Figure) -> None:
    """Six inward planes with UV in metres; under the sky five, and light from above."""
    x, y, z = room.size[0] / 2, room.size[1] / 2, room.size[2]
    planes: list[tuple[Surface, tuple[tuple[float, float, float], ...]]] = [
        (room.floor, ((-x, -y, 0), (x, -y, 0), (x, y, 0), (-x, y, 0))),
        (room.walls, ((-x, -y, 0), (-x, -y, z), (x, -y, z), (x, -y, 0))),
        (room.walls, ((-x, y, 0), (x, y, 0), (x, y, z), (-x, y, z))),
        (room.walls, ((-x, -y, 0), (-x, y, 0), (-x, y, z), (-x, -y, z))),
        (room.walls, ((x, -y, 0), (x, -y, z), (x, y, z), (x, y, 0))),
    ]
    if room.sky is None:
        planes.append((room.ceiling, ((-x, -y, z), (-x, y, z), (x, y, z), (x, -y, z))))
    else:
        world = bpy.context.scene.world
        world.use_nodes = True
        world.node_tree.nodes["Background"].inputs["Color"].default_value = (*room.sky, 1.0)
    looks: dict[Surface, Any] = {}
    for number, (surface, corners) in enumerate(planes):
        if surface not in looks:
            looks[surface] = surface_look(surface, figure.photos)
        # Metres along the wall and up; each wall starts elsewhere in the texture.
        flat = [(p[0], p[1]) if surface is not room.walls else (p[0] + p[1], p[2]) for p in corners]
        uv = np.array([[(u + 1.7 * number, v) for u, v in flat]], dtype=np.float32)
        mesh = Mesh(
            np.array(corners, dtype=np.float32),
            np.array([[0, 1, 2, 3]], dtype=np.int32),
            np.zeros(1, dtype=np.uint8),
            "room",
            uv,
        )
        obj = _add_mesh(mesh, 1000 + number)
        obj.data.materials.append(looks[surface])


def _add_ground(room: Room) -> None:
    """The ground of a panorama, wide enough to meet its horizon."""
    assert room.panorama is not None
    edge = GROUND_EDGE
    corners = ((-edge, -edge, 0), (edge, -edge, 0), (edge, edge, 0), (-edge, edge, 0))
    vertices = np.array(corners, dtype=np.float32)
    mesh = Mesh(vertices, np.array([[0, 1, 2, 3]], dtype=np.int32), np.zeros(1, dtype=np.uint8), "room")
    obj = _add_mesh(mesh, 1000)
    obj.data.materials.append(ground_look(room.panorama, room.floor.roughness))


def _add_light(light: Light, number: int) -> None:
    data = bpy.data.lights.new(f"light {number}", "AREA" if light.edge else "SUN")
    if light.edge:
        data.shape, data.size = "SQUARE", light.edge
    else:
        data.angle = SUN_ANGLE
    data.energy = light.power
    data.color = kelvin_to_rgb(light.temperature)
    obj = _link(bpy.data.objects.new(f"light {number}", data))
    obj.location = light.position
    obj.rotation_euler = (Vector(light.target) - Vector(light.position)).to_track_quat("-Z", "Y").to_euler()
    obj.visible_camera = False


# -------------------------------------------------------------------------------------------------- looks


def _paint_classes(obj: Any, mesh: Mesh) -> None:
    """One emission material per class of the mesh, and each face its own class's."""
    classes = np.unique(mesh.classes)
    for value in classes:
        obj.data.materials.append(class_look(int(value)))
    slots = np.searchsorted(classes, mesh.classes).astype(np.int32)
    obj.data.attributes.new("material_index", "INT", "FACE").data.foreach_set("value", slots)
    obj.data.update()


def _paint_look(obj: Any, mesh: Mesh, scene: Scene, figure: Figure) -> None:
    data = obj.data
    data.materials.clear()  # with the numbers of the classes' materials
    tinted, in_uv = mesh.tint is not None, mesh.uv is not None
    data.materials.append(look_of(mesh.material, scene, tinted=tinted, in_uv=in_uv, photos=figure.photos))
    data.update()


if __name__ == "__main__":
    main()
