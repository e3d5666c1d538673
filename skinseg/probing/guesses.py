"""What a frame's tone and light should come to by rule, before it is rendered: lamps, paint, and the camera's curve."""

import math

import numpy as np

from skinseg.evaluation.bootstrap import Floats
from skinseg.synthetic.draw.camera import FRAMINGS
from skinseg.synthetic.rendering.develop import KNEE, MIDDLE_GREY, WHITE_LEVEL
from skinseg.synthetic.scene import SENSOR, Camera, Light, Person, Scene, Surface
from skinseg.tones.ita import LUMINANCE, ita_of, linear_to_lab, linear_to_srgb

TURNS = (-1.0, -0.5, 0.0, 0.5, 1.0)  # radians off the camera: the sides of a body that it sees
PLACES = (-0.4, 0.0, 0.4)  # shares of the frame off its middle at which what lies behind is looked at
PANORAMA = 0.3  # radiance of a panorama over that of a white surface in its light
OPEN = 0.6  # share of the sky that people see; walls stand before the rest


def skin_tone(scene: Scene) -> float:
    """The ITA, degrees, of the lit skin as the camera should show it, as it meters on skin."""
    camera = scene.camera
    albedo = np.mean([person.skin.albedo for person in scene.people], axis=0)
    red, blue = camera.white_balance
    light = WHITE_LEVEL * 2.0**camera.exposure * np.array([2.0**red, 1.0, 2.0**blue])
    color = _curved(albedo * light, camera)
    grey = float(color @ LUMINANCE)
    lab = linear_to_lab(_bent(np.maximum(grey + camera.saturation * (color - grey), 0.0)))
    return float(ita_of(lab))


def brightness(scene: Scene) -> tuple[float, float, float]:
    """sRGB values, 0 to 1, of what lies behind and of the cloth, and the logarithm of the camera's gain."""
    camera, room, person = scene.camera, scene.room, scene.people[0]
    part = np.array([0.0, 0.0, FRAMINGS[camera.track].height])
    eye = np.array(scene.eye((0.0, 0.0, float(part[2]))))
    ahead = (part - eye) / np.linalg.norm(part - eye)
    towards = math.atan2(-ahead[1], -ahead[0])
    sides = np.array([[math.cos(towards + turn), math.sin(towards + turn), 0.15] for turn in TURNS])
    sides /= np.linalg.norm(sides, axis=1, keepdims=True)
    on_skin = np.sort(irradiance(scene.lights, part + 0.12 * sides, sides))
    half = np.array([room.size[0] / 2, room.size[1] / 2, room.size[2]])
    paint = [luminance(each) for each in (room.walls, room.floor, room.ceiling)]
    sky = None if room.sky is None else float(np.dot(room.sky, LUMINANCE))
    if room.panorama is not None:
        around = room.panorama.strength
    else:
        around = _bounced(scene, half, paint) if sky is None else OPEN * math.pi * sky
    gain = WHITE_LEVEL * 2.0**camera.exposure / (float(on_skin[-2]) + around + 1e-6)
    shade = (float(on_skin.mean()) + around) / (float(on_skin[-2]) + around + 1e-6)
    if room.panorama is None:
        behind = _behind(scene, eye, ahead, half, paint, sky, around, gain)
    else:
        behind = np.array([WHITE_LEVEL * 2.0**camera.exposure * PANORAMA])
    cloth = WHITE_LEVEL * 2.0**camera.exposure * shade * _of_cloth(person)
    shown = [float(_shown(each, camera).mean()) for each in (behind, np.array([cloth]))]
    return shown[0], shown[1], math.log(gain)


def irradiance(lights: tuple[Light, ...], points: Floats, normals: Floats) -> Floats:
    """Light straight from the lamps, (n,), on points (n, 3) with unit normals (n, 3), nothing in between."""
    total = np.zeros(len(points))
    for light in lights:
        place = np.array(light.position)
        if light.edge <= 0:  # a sun
            total += light.power * np.maximum(normals @ (place / np.linalg.norm(place)), 0)
            continue
        axis = np.array(light.target) - place
        axis /= np.linalg.norm(axis)
        way = place - points
        distance = np.linalg.norm(way, axis=1)
        way /= distance[:, None]
        falling = np.maximum((way * normals).sum(axis=1), 0) * np.maximum(-way @ axis, 0)
        total += light.power * falling / (math.pi * (distance**2 + light.edge**2 / 4))
    return total


def luminance(surface: Surface) -> float:
    """Of a surface's palette."""
    return float(np.mean(np.array(surface.colors) @ LUMINANCE)) if surface.colors else 0.3


def _bounced(scene: Scene, half: Floats, paint: list[float]) -> float:
    """Light that has met a wall at least once, as evenly spread as in an integrating sphere."""
    flat, upright = 4 * half[0] * half[1], 4 * half[2] * (half[0] + half[1])
    reflected = (paint[0] * upright + (paint[1] + paint[2]) * flat) / (upright + 2 * flat)
    power = sum(light.power for light in scene.lights if light.edge > 0)
    return float(power * reflected / ((1 - reflected) * (upright + 2 * flat)))


def _behind(
    scene: Scene, eye: Floats, ahead: Floats, half: Floats, paint: list[float], sky: float | None, around: float,
    gain: float,
) -> Floats:  # fmt: skip
    """Linear values of walls, floor, ceiling or sky in nine places of the frame."""
    side = np.cross(ahead, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side)
    up, span = np.cross(side, ahead), SENSOR / scene.camera.focal_length
    rays = np.array([ahead + span * (u * side + v * up) for u in PLACES for v in PLACES])
    ends = np.where(rays > 0, half, np.array([-half[0], -half[1], 0.0]))
    reach = (ends - eye) / np.where(np.abs(rays) < 1e-9, 1e-9, rays)
    first = np.abs(reach).argmin(axis=1)
    every = np.arange(len(rays))
    points = eye + np.abs(reach[every, first])[:, None] * rays
    normals = np.zeros_like(rays)
    normals[every, first] = -np.sign(rays[every, first])
    above = (first == 2) & (rays[:, 2] > 0)
    albedo = np.where(first < 2, paint[0], np.where(above, paint[2], paint[1]))
    light = gain * albedo * (irradiance(scene.lights, points, normals) + around)
    return light if sky is None else np.where(above, gain * sky, light)


def _of_cloth(person: Person) -> float:
    colors = [color for each in person.garments for color in (each.color, each.color, each.pattern_color)]
    return float(np.mean(np.array(colors) @ LUMINANCE)) if colors else 0.3


def _shown(light: Floats, camera: Camera) -> Floats:
    return np.asarray(linear_to_srgb(_bent(_curved(light, camera))))


def _curved(light: Floats, camera: Camera) -> Floats:
    curved: Floats = MIDDLE_GREY * (light / MIDDLE_GREY) ** camera.contrast
    return curved


def _bent(light: Floats) -> Floats:
    excess = np.maximum(light - KNEE, 0)
    return np.clip(np.minimum(light, KNEE) + (1 - KNEE) * (1 - np.exp(-excess / (1 - KNEE))), 0, 1)
