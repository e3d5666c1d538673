"""MediaPipe's selfie segmentation over pipes: the part of `peers.py` that runs in an environment of its own.

Per image it reads a line "HEIGHT WIDTH" and HEIGHT x WIDTH x 3 bytes, RGB; it answers with HEIGHT x WIDTH probabilities
of a person, uint16 in the machine's byte order, 65535 is 1.
"""

import sys

import mediapipe
import numpy as np


def main() -> None:
    # 0: the general model, at 256 x 256; 1 is the one for landscapes.
    with mediapipe.solutions.selfie_segmentation.SelfieSegmentation(model_selection=0) as network:
        while line := sys.stdin.buffer.readline():
            height, width = map(int, line.split())
            pixels = np.frombuffer(sys.stdin.buffer.read(height * width * 3), np.uint8)
            probability = network.process(pixels.reshape(height, width, 3)).segmentation_mask
            levels = (probability.clip(0, 1) * 65535 + 0.5).astype(np.uint16)
            sys.stdout.buffer.write(levels.tobytes())
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
