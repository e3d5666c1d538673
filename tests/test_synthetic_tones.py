"""Skin that is asked for against skin that is rendered."""

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

from skinseg.synthetic.config import TONES, GeneratorConfig
from skinseg.synthetic.label_image import read_labels
from skinseg.synthetic.labels import skin_mask
from skinseg.synthetic.rendering.frames import FrameRenderer, Job
from skinseg.synthetic.rendering.worker_process import find_worker_command
from skinseg.tones.ita import estimate_tone

NEUTRAL = GeneratorConfig.load(Path(__file__).parents[1] / "configs" / "render" / "neutral.yaml")


@pytest.mark.slow
def test_in_neutral_light_the_groups_come_out_in_order(tmp_path: Path) -> None:
    renderer = FrameRenderer(find_worker_command(), tmp_path / "scratch")
    asked, measured = [], []
    try:
        for tone in TONES:
            # The same person in the same room, but for the tone.
            config = dataclasses.replace(
                NEUTRAL, resolution=64, samples=2, tones={tone: 1.0}, track={"upper_body": 1.0}, p_clothed=0.0
            )
            frame = renderer.render(Job(config, seed=1), index=0)
            image = cv2.imdecode(np.frombuffer(frame.image, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
            mask = tmp_path / "mask.png"
            mask.write_bytes(frame.mask)
            found = estimate_tone(np.ascontiguousarray(image), skin_mask(read_labels(mask)))
            assert found is not None
            asked.append(frame.row["scene"])
            measured.append(found[0])
    finally:
        renderer.end()
    assert len(set(asked)) == len(TONES)
    assert measured == sorted(measured, reverse=True)
    assert measured[0] - measured[-1] > 60
