"""One frame, from (configuration, seed, index) to the bytes of its two files: the same wherever it is made."""

import errno
import hashlib
import os
import platform
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from skinseg.errors import UserError
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.label_image import encode_labels
from skinseg.synthetic.rendering.worker_process import WorkerFailure, WorkerProcess

if TYPE_CHECKING:
    from skinseg.synthetic.geometry.mesh import Figure
    from skinseg.synthetic.room.backgrounds import Photos
    from skinseg.synthetic.scene import Scene

TRIES = 3  # of a frame whose worker dies, before it is given up
MOST_REDRAWS = 50  # of a frame that shows too little skin
FULL = 2**22  # free bytes of a disk on which a worker's failure is the disk's

Row = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """All that decides a set's pixels; small enough to travel to other processes and machines.

    photos: the user's photographs for walls, or None.
    """

    config: GeneratorConfig
    seed: int
    photos: "Photos | None" = None

    def draw(self, index: int, attempt: int) -> "Scene":
        """The scene of a frame's attempt."""
        from skinseg.synthetic.draw.scene import draw_scene

        return draw_scene(self.config, self.seed, index, attempt, self.photos)

    def build(self, scene: "Scene") -> "Figure":
        """The geometry of a scene."""
        import torch

        from skinseg.synthetic.rendering.figure import build_figure

        torch.set_num_threads(1)  # one frame a core, and the same sums on every machine
        return build_figure(scene, self.photos)


@dataclass(frozen=True)
class Frame:
    """row: the journal's line; image, mask: PNG files; restarts: workers that failed on the way."""

    row: Row
    image: bytes
    mask: bytes
    restarts: int


class FrameRenderer:
    """Renders frames with a worker process of its own, which is replaced when it fails.

    command: starts a worker. scratch: a folder for what passes between the processes, made here.
    """

    def __init__(self, command: list[str], scratch: Path) -> None:
        self.command, self.scratch = command, scratch
        self.worker: WorkerProcess | None = None

    def render(self, job: Job, index: int) -> Frame:
        """Frame `index` of a set, drawn again while it shows too little skin.

        Raises UserError where `MOST_REDRAWS` draws in a row do, or `TRIES` workers in a row fail.
        """
        from skinseg.synthetic.rendering.develop import develop

        self.scratch.mkdir(parents=True, exist_ok=True)
        restarts, seconds = 0, dict.fromkeys(("build", "worker", "cycles"), 0.0)
        started = time.perf_counter()
        for attempt in range(MOST_REDRAWS):
            clock = time.perf_counter()
            scene = _build(job, index, attempt, self.scratch / "figure.npz")
            seconds["build"] += time.perf_counter() - clock
            reply, failed = self._answer(scene, job.config.min_skin_share)
            restarts += failed
            for part in ("worker", "cycles"):
                seconds[part] += reply["seconds"][part]
            if reply["empty"]:
                continue
            clock = time.perf_counter()
            labels = np.load(self.scratch / "labels.npy")
            pixels, gain = develop(np.load(self.scratch / "linear.npy"), labels, scene)
            image, mask = _encode_image(pixels), encode_labels(labels)
            now = time.perf_counter()
            seconds |= {"develop": now - clock, "frame": now - started}
            row = {
                "index": index,
                "image": f"{index:06d}.png",
                "attempt": attempt,
                "skin_share": reply["skin_share"],
                "gain": gain,
                "image_sha256": hashlib.sha256(image).hexdigest(),
                "mask_sha256": hashlib.sha256(mask).hexdigest(),
                "scene": scene.to_json(),
                "platform": f"Blender {self.worker.blender if self.worker else '?'} on "
                f"{platform.system()} {platform.machine()}",
                "memory_mb": round(reply["memory_mb"]),
                "seconds": {part: round(value, 3) for part, value in seconds.items()},
            }
            return Frame(row, image, mask, restarts)
        raise UserError(
            f"frame {index}: {MOST_REDRAWS} scenes in a row showed less than "
            f"{job.config.min_skin_share:.1%} skin; lower min_skin_share or p_clothed in the configuration"
        )

    def end(self) -> None:
        """Kill the worker; the next `render` starts another."""
        if self.worker is not None:
            self.worker.kill()
        self.worker = None

    def _answer(self, scene: "Scene", min_skin_share: float) -> tuple[Row, int]:
        """The worker's reply, and how many workers failed before one gave it."""
        request = {
            "scene": scene.to_json(),
            "figure": str(self.scratch / "figure.npz"),
            "labels": str(self.scratch / "labels.npy"),
            "linear": str(self.scratch / "linear.npy"),
            "min_skin_share": min_skin_share,
        }
        # Half a minute a sample and megapixel is ten times what a slow core needs; a hung worker needs more.
        limit = 180 + 30 * scene.samples * scene.resolution**2 / 1e6
        failures: list[WorkerFailure] = []
        while len(failures) < TRIES:
            try:
                if self.worker is None:
                    self.worker = WorkerProcess(self.command, self.scratch / "worker.log")
                return self.worker.render(request, limit), len(failures)
            except WorkerFailure as failure:
                failures.append(failure)
                self.end()
        if shutil.disk_usage(self.scratch).free < FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.scratch))
        raise UserError(
            f"frame {scene.index}: {TRIES} render workers failed on it, the last one: {failures[-1]}; "
            "what is finished is kept, and the same command goes on"
        ) from failures[-1]


# The body model is one torch module for all threads of a process.
_building = threading.Lock()


def _build(job: Job, index: int, attempt: int, path: Path) -> "Scene":
    """Draw the scene and write its geometry."""
    with _building:
        scene = job.draw(index, attempt)
        job.build(scene).save(path)
    return scene


def _encode_image(pixels: npt.NDArray[np.uint8]) -> bytes:
    """A PNG file from RGB, uint8 (H, W, 3)."""
    _, data = cv2.imencode(".png", pixels[:, :, ::-1])
    return data.tobytes()
