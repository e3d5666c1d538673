"""From scene-linear light to a photograph: meter, balance, lens, sensor, tone curve and JPEG.

The order is a camera's. Everything optical happens in linear light, where highlights still have their
strength; noise comes before the tone curve, which bends it as it bends the picture.
"""

import math

import cv2
import numpy as np
import numpy.typing as npt

from skinseg.synthetic.labels import skin_mask
from skinseg.synthetic.scene import Camera, Scene
from skinseg.synthetic.streams import Part, stream
from skinseg.tones.ita import LUMINANCE, linear_to_srgb

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

# How much of the light's tint a camera's white balance takes out: most, not all.
WHITE_BALANCE = 0.75
# Linear value that a white surface in the light of the skin gets at exposure 0: just where highlights bend.
WHITE_LEVEL = 1.1
MIDDLE_GREY = 0.18
# Above it a shoulder bends highlights to white instead of clipping them.
KNEE = 0.8
# Share of a dark pixel's noise: where light gives this little signal, reading it out gives as much noise.
READ_NOISE = 0.004
# Deviations of the filters that demosaicing and noise reduction amount to, pixels; and chroma's share of the
# variance. Eyes mind coloured noise most, so cameras smooth it over more pixels.
LUMA_GRAIN, CHROMA_GRAIN, CHROMA_SHARE = 0.5, 1.4, 0.3


def develop(linear: Floats, labels: Pixels, scene: Scene) -> tuple[Pixels, float]:
    """A photograph of `scene` as its camera takes it, and the gain that its exposure amounts to.

    linear: float32 (H, W, 3), radiance in linear sRGB, 0 and above. labels: uint8 (H, W), a `PartClass` per
    pixel, only read. Returns uint8 (H, W, 3), sRGB, and the factor (above 0) from white-balanced radiance to
    the camera's linear values, of which 1 is white. Equal arguments give equal pixels.
    """
    camera = scene.camera
    balance = white_balance(linear, labels, scene)
    balanced = (np.maximum(linear, 0) / balance).astype(np.float32, copy=False)
    gain = metered_gain(balanced, labels, scene)
    red, blue = camera.white_balance
    light = balanced * (gain * np.array([2.0**red, 1.0, 2.0**blue])).astype(np.float32)
    light = _through_lens(light, camera)
    pixels = _toned(_sensed(light, camera), camera)
    return (_through_jpeg(pixels, camera.jpeg) if camera.jpeg else pixels), gain


def white_balance(linear: Floats, labels: Pixels, scene: Scene) -> Floats:
    """What a camera that is set to the light on the visible skin divides each channel by, float32 (3,), about 1.

    Lamps alone would not do: in a room of red walls everything is lit red. Radiance over albedo estimates that
    light, bounced light included; of its tint, at luminance 1, the `WHITE_BALANCE` power is taken out. A frame
    without skin is balanced on all of it, taken for grey. No light at all gives ones.
    """
    skin = skin_mask(labels) == 1
    albedo = np.mean([person.skin.albedo for person in scene.people], axis=0) if skin.any() else np.ones(3)
    seen = linear[skin] if skin.any() else linear.reshape(-1, 3)
    light = np.maximum(seen, 0).mean(axis=0, dtype=np.float64) / albedo
    luminance = float(light @ LUMINANCE)
    if luminance <= 0:
        return np.ones(3, dtype=np.float32)
    # A channel without light would be divided by nothing.
    return np.asarray(np.maximum(light / luminance, 0.01) ** WHITE_BALANCE, dtype=np.float32)


def metered_gain(balanced: Floats, labels: Pixels, scene: Scene) -> float:
    """Exposure from the light that falls on the visible skin, not from what the skin sends back.

    The way of an incident-light meter: dark skin stays dark. Luminance over albedo estimates that light, and
    its 70th percentile is about the lit side. The labels do not tell people apart, so the albedo is the mean
    of all of them. A frame without skin is metered on all of it, taken for middle grey.
    """
    skin = skin_mask(labels) == 1
    if skin.any():
        albedo = float(np.mean([np.dot(person.skin.albedo, LUMINANCE) for person in scene.people]))
        level = float(np.percentile(balanced[skin] @ LUMINANCE, 70)) / albedo
    else:
        level = float(np.mean(balanced @ LUMINANCE)) / MIDDLE_GREY
    return float(WHITE_LEVEL / max(level, 1e-6) * 2.0**scene.camera.exposure)


def _through_lens(light: Floats, camera: Camera) -> Floats:
    """Blur, shake and vignette, in linear light."""
    height, width = light.shape[:2]
    if camera.blur > 0:
        light = cv2.GaussianBlur(light, (0, 0), camera.blur * width / 1000).astype(np.float32, copy=False)
    if camera.motion != (0.0, 0.0):
        kernel = _line(camera.motion[0] * width / 1000, camera.motion[1] * width / 1000)
        light = cv2.filter2D(light, -1, kernel).astype(np.float32, copy=False)
    if camera.vignette > 0:
        y = (np.arange(height, dtype=np.float32) + 0.5) / height * 2 - 1
        x = (np.arange(width, dtype=np.float32) + 0.5) / width * 2 - 1
        squared = (y[:, None] ** 2 + x**2) / 2  # 1 in the corners
        light = np.asarray(light * (1 - np.float32(camera.vignette) * squared)[..., None], np.float32)
    return light


def _line(x: float, y: float) -> Floats:
    """Kernel of a straight movement by (x, y) pixels, sum 1: points along it, each spread over four pixels."""
    half = math.ceil(max(abs(x), abs(y)) / 2) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1))
    for along in np.linspace(-0.5, 0.5, 4 * half + 1):
        row, column = half + along * y, half + along * x
        top, left = math.floor(row), math.floor(column)
        down, right = row - top, column - left
        spread = np.outer((1 - down, down), (1 - right, right))
        kernel[top : top + 2, left : left + 2] += spread
    return np.asarray((kernel / kernel.sum()).astype(np.float32), np.float32)


def _sensed(light: Floats, camera: Camera) -> Floats:
    """Light with the noise of a sensor: its variance grows with the signal, from the read-out's noise."""
    if camera.noise <= 0:
        return light
    slope = 1.055 / 2.4 * MIDDLE_GREY ** (1 / 2.4 - 1)  # of the sRGB curve at middle grey
    # Above white the tone curve hides all noise; without the limit it would grow on.
    signal = (np.minimum(light, 4) + READ_NOISE) / (MIDDLE_GREY + READ_NOISE)
    amount = np.sqrt(signal) * np.float32(camera.noise / slope)
    return np.asarray(light + amount * _grain(light.shape[:2], camera.seed), np.float32)


def _grain(size: tuple[int, int], seed: int) -> Floats:
    """Gaussian noise (H, W, 3), mean 0, deviation 1 in each channel, smooth over pixels, more so in colour."""
    white = stream(Part.GRAIN, seed).standard_normal((*size, 4), dtype=np.float32)
    luma = _smoothed(white[..., 0], LUMA_GRAIN)
    chroma = _smoothed(white[..., 1:], CHROMA_GRAIN)
    chroma -= chroma.mean(axis=2, keepdims=True)  # leaves two thirds of the variance
    grain = math.sqrt(1 - CHROMA_SHARE) * luma[..., None] + math.sqrt(1.5 * CHROMA_SHARE) * chroma
    return np.asarray(grain, np.float32)


def _smoothed(white: Floats, deviation: float) -> Floats:
    """White noise through a Gaussian, scaled back to its deviation."""
    kernel = cv2.getGaussianKernel(2 * math.ceil(3 * deviation) + 1, deviation)
    return np.asarray(cv2.sepFilter2D(white, -1, kernel, kernel) / float((kernel**2).sum()), np.float32)


def _toned(light: Floats, camera: Camera) -> Pixels:
    """Linear light to 8-bit sRGB: contrast about middle grey, saturation about the luminance, shoulder."""
    light = np.maximum(light, 0)
    if camera.contrast != 1:
        light = MIDDLE_GREY * (light / MIDDLE_GREY) ** np.float32(camera.contrast)
    if camera.saturation != 1:
        grey = (light @ LUMINANCE)[..., None]
        light = np.maximum(grey + np.float32(camera.saturation) * (light - grey), 0)
    excess = np.maximum(light - KNEE, 0)
    bent = np.minimum(light, KNEE) + (1 - KNEE) * (1 - np.exp(-excess / (1 - KNEE)))
    return (linear_to_srgb(np.clip(bent, 0, 1)) * 255 + 0.5).astype(np.uint8)


def _through_jpeg(pixels: Pixels, quality: int) -> Pixels:
    """What a JPEG file of this quality keeps."""
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None  # it was encoded just now
    return np.ascontiguousarray(decoded[..., ::-1], dtype=np.uint8)
