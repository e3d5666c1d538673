"""Frames that show each person in six lights; `skinseg tones compare` prints how far answers on one person vary.

    python benchmarks/six_lights.py --people 50 --seed 9 --workers 2 --out rendered/six-lights

Person, posture, clothes, and where the camera stands stay; room, light, exposure and white balance are drawn anew. The
set is none that `skinseg render` would make: give it a folder of its own.
"""

import argparse
import dataclasses
from dataclasses import dataclass
from pathlib import Path

from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.rendering.frames import Job
from skinseg.synthetic.rendering.renderer import render_job
from skinseg.synthetic.scene import Scene

LIGHTS = 6
ELSEWHERE = 1_000_000  # index from which the lights' scenes are drawn: no person's


@dataclass(frozen=True)
class SixLights(Job):
    """Frame i shows person i // 6."""

    def draw(self, index: int, attempt: int) -> Scene:
        person = super().draw(index // LIGHTS, attempt)
        other = super().draw(ELSEWHERE + index, 0)
        # As large as either: the camera's place was drawn for the one, the lights' for the other.
        x, y, z = (max(sides) for sides in zip(person.room.size, other.room.size, strict=True))
        lens = person.camera
        return dataclasses.replace(
            person,
            index=index,
            people=person.people[:1],
            things=tuple(thing for thing in person.things if thing.held or thing.under == 0),
            room=dataclasses.replace(other.room, size=(x, y, z)),
            lights=other.lights,
            camera=dataclasses.replace(
                lens, exposure=other.camera.exposure, white_balance=other.camera.white_balance
            ),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--people", type=int, required=True)
    parser.add_argument("--seed", type=int, default=9, help="of another set than a recogniser saw")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    # Looking for more than one person would waste frames; everything else is the default.
    job = SixLights(dataclasses.replace(GeneratorConfig(), p_second=0.0, p_crowd=0.0), options.seed)
    report = render_job(job, LIGHTS * options.people, options.workers, options.out)
    print(f"{report.out}: {report.frames} frames")


if __name__ == "__main__":
    main()
