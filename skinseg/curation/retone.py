"""`skinseg tones retone`: a folder of pairs of photographs in tones that their set lacks, to look at or to train on."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from skinseg.data.retoning import Tone, balanced, counts_of, said
from skinseg.data.splits import make_split
from skinseg.datasets.registry import open_dataset
from skinseg.datasets.rendered import Rendered
from skinseg.datasets.sample import FOREGROUND, Mask
from skinseg.errors import UserError
from skinseg.files import written_whole
from skinseg.images.decoding import Image
from skinseg.images.encoding import write_image
from skinseg.tones.ita import estimate_tone, fitzpatrick_of
from skinseg.tones.retone import Refusal

TABLE = "retoned.csv"


def retone(dataset: str, data_root: Path, out: Path, split: Path | None = None, seed: int = 0) -> None:
    """Write copies of a dataset's training photographs in the skin tones that it lacks, as a folder of its own.

    Photographs of the validation and test part are never re-toned. images/, masks/ and pairs.csv can be trained on as
    any folder; retoned.csv says of each copy what it was made from, and of each refused one why. The arguments are
    those of `skinseg tones retone`. Raises UserError for a rendered set, for an `out` that holds files, and where no
    copy could be made.
    """
    if out.is_dir() and any(out.iterdir()):
        raise UserError(f"--out {out}: holds files, expected a new folder; name another")
    opened = open_dataset(dataset, data_root)
    if isinstance(opened, Rendered):
        raise UserError(
            "tones retone: a rendered set found, expected photographs; render other tones instead"
        )
    items = {item.image_id: item for item in opened.items}
    tones: dict[str, Tone] = {}
    console = Console(stderr=True)
    for name in track(make_split(opened, 0, split).train, "measure tones", console=console, transient=True):
        sample = opened.read(items[name])
        estimate = None if "skin" not in sample.masks else estimate_tone(sample.image, sample.masks["skin"])
        if estimate is not None:
            tones[name] = Tone(sample.tone or fitzpatrick_of(estimate[0]), estimate[0])

    def read(name: str) -> tuple[Image, Mask | None]:
        sample = opened.read(items[name])
        return sample.image, sample.masks.get("skin")

    lines: list[dict[str, object]] = []
    pairs: list[dict[str, object]] = []
    for name, group, made in balanced(tones, seed, read):
        line: dict[str, object] = {
            "of_dataset": opened.name, "of_image": name, "tone": group, "image": "", "own_ita": "", "ita": "",
            "clipped": "", "refused": "",
        }  # fmt: skip
        if isinstance(made, Refusal):
            lines.append(line | {"refused": str(made)})
            continue
        stem = f"{name.replace('/', '_')}-tone-{group}"
        skin = read(name)[1]
        assert skin is not None, "it was re-toned by it"
        write_image(out / "images" / f"{stem}.png", made.image[..., ::-1])
        write_image(out / "masks" / f"{stem}.png", np.uint8(255) * (skin == FOREGROUND))
        lines.append(
            line
            | {
                "image": stem,
                "own_ita": f"{made.own:.1f}",
                "ita": f"{made.ita:.1f}",
                "clipped": f"{made.clipped:.4f}",
            }
        )
        subject = items[name].subject or f"{opened.name} {name}"
        pairs.append(
            {"image": f"images/{stem}.png", "mask": f"masks/{stem}.png", "subject": subject, "tone": group}
        )
    if not pairs:
        why = ", ".join(sorted({str(line["refused"]) for line in lines})) or "no group lacks any"
        raise UserError(f"dataset {opened.name}: nothing was re-toned ({why})")
    _table(out / TABLE, lines)
    _table(out / "pairs.csv", pairs)
    counts = {
        "real": counts_of(tone.group for tone in tones.values()),
        "re-toned": counts_of(int(str(pair["tone"])) for pair in pairs),
    }
    print("\n".join(said(counts)))
    for reason, count in Counter(str(line["refused"]) for line in lines if line["refused"]).items():
        print(f"not re-toned: {count}, {reason}")
    print(out)


def _table(path: Path, lines: list[dict[str, object]]) -> None:
    with written_whole(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
