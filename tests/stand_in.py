"""A set's rendering without a body model and without Blender: plain scenes, no geometry, flat pixels.

Run as a script it is `skinseg render` with these: `python -m tests.stand_in OUT COUNT WORKERS SCRIPT`.
"""

import sys
import textwrap
from pathlib import Path

import numpy as np

from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.geometry.mesh import Figure
from skinseg.synthetic.rendering.frames import Job
from skinseg.synthetic.scene import Body, Camera, Garment, Hair, Light, Person, Room, Scene, Skin, Surface

CONFIG = GeneratorConfig(resolution=96, samples=1)

# Speaks the worker's protocol; the text in place of BEHAVIOUR may answer, exit or sleep.
SCRIPT = """#!PYTHON
import json, os, signal, sys, time
import numpy as np
print("Blender 0.0 says hello")
print(json.dumps({"ready": True, "blender": "stand-in"}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    scene = json.loads(request["scene"])
    index, attempt, empty = scene["index"], scene["attempt"], False
    BEHAVIOUR
    labels = np.ones((8, 8), np.uint8)
    labels[:, index % 8] = 0
    np.save(request["labels"], labels)
    if not empty:
        np.save(request["linear"], np.full((8, 8, 3), 0.01 * (index + 1), np.float32))
    seconds = {"worker": 0.0, "cycles": 0.0}
    reply = {"ok": True, "empty": empty, "skin_share": 1.0, "seconds": seconds, "memory_mb": 1.0}
    print(json.dumps(reply), flush=True)
"""


def plain_scene(index: int, attempt: int = 0, seed: int = 0) -> Scene:
    """An adult in shirt and trousers in a white room; index and attempt change the picture."""
    rng = np.random.default_rng([seed, index, attempt])
    white = Surface("plain", ((0.8, 0.8, 0.8),), 1.0, 0, 0.5)
    garments = tuple(
        Garment(kind, 0.5, 0.5, 0.1, 0.5, 0.01, 0.0, (0.1, 0.1, 0.5), "plain", (0, 0, 0), 1.0, 1.0, 0)
        for kind in ("briefs", "shirt", "trousers")
    )
    person = Person(
        body=Body({"gender": 0.0, "age": 0.7}, {}, "a_pose", {}),
        skin=Skin(index % 6 + 1, 20.0, (0.4, 0.25, 0.2), 0.5, 0.1, 0.0, (1, 1, 1), 0, 0, 0, 0, 0, 0, 0),
        hair=Hair("bald", 0.0, 0.0, 0.0, (0.1, 0.1, 0.1), 1.0, 1.0, "none", 0.0, 0),
        iris=(0.1, 0.05, 0.02),
        garments=garments,
        accessories=(),
    )
    camera = Camera(
        theta=4.7, radius=2.0, rise=0.1, focal_length=50.0, track="face", shift=(0.0, 0.0), roll=0.0,
        exposure=float(rng.normal(0, 0.5)), white_balance=(0.0, 0.0), contrast=1.0, saturation=1.0,
        vignette=0.0, blur=0.0, motion=(0.0, 0.0), noise=0.02, jpeg=0, seed=index,
    )  # fmt: skip
    return Scene(
        index=index,
        seed=seed,
        attempt=attempt,
        resolution=8,
        samples=1,
        people=(person,),
        things=(),
        room=Room((5.0, 5.0, 3.0), white, white, white),
        lights=(Light((1.0, -2.0, 2.0), (0.0, 0.0, 1.2), 1.0, 300.0, 5000.0),),
        camera=camera,
    )


class PlainJob(Job):
    """A job of plain scenes without geometry."""

    def draw(self, index: int, attempt: int) -> Scene:
        return plain_scene(index, attempt, self.seed)

    def build(self, scene: Scene) -> Figure:
        return Figure(())


def read_plain_job(out: Path, photos: object) -> Job:
    """`read_job` of a set of plain scenes."""
    from skinseg.synthetic.rendering.claim import read_job

    job = read_job(out, photos)
    return PlainJob(job.config, job.seed, job.photos)


def write_script(path: Path, behaviour: str = "") -> list[str]:
    """A worker of that behaviour in place of Blender; the command that starts it."""
    body = textwrap.indent(textwrap.dedent(behaviour), "    ").strip() or "pass"
    path.write_text(SCRIPT.replace("PYTHON", sys.executable).replace("BEHAVIOUR", body))
    path.chmod(0o755)
    return [str(path)]


def main(out: str, count: str, workers: str, script: str) -> None:
    from skinseg.synthetic.rendering import lanes, renderer

    lanes.PRELOAD = []
    renderer.find_worker_command = lambda: [script]  # type: ignore[assignment]
    renderer.render_job(PlainJob(CONFIG, 0), int(count), int(workers), Path(out), progress=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
