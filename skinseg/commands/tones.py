"""`skinseg tones`: skin tones, recognised, compared, changed; docs/tones.md says what each can and cannot say."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from skinseg.commands.parser import AtLeastOne, NotNegative


def train(
    *, rendered: Path, out: Path = Path("runs/tones"), epochs: AtLeastOne = 150, seed: NotNegative = 0
) -> None:
    """Train a recogniser of skin tones on a rendered set's frames of one person.

    Args:
        rendered (DIR): the set; its training part is trained on, its validation part calibrates
        out (DIR): recogniser.ckpt and result.json go here [runs/tones]
        epochs (N): how often each frame is shown [150]
        seed (N): of weights, order and augmentation [0]

    Example:
        skinseg tones train --rendered rendered/default --out runs/tones
    """
    from skinseg.datasets.registry import open_dataset
    from skinseg.datasets.rendered import Rendered

    dataset = open_dataset(Rendered.name, rendered)
    assert isinstance(dataset, Rendered)

    from skinseg.recognition import training
    from skinseg.recognition.recogniser import FILE

    found = training.train(dataset, out, training.Options(epochs=epochs, seed=seed))
    known = found.calibration
    print(
        f"{out / FILE}: calibrated on {known.frames} held-out frames (slope {known.slope:.2f}, deviation times "
        f"{known.spread:.2f})"
    )


def recognise(
    data_root: Path,
    *,
    out: Path,
    datasets: Sequence[str] = (),
    recogniser: Path = Path("runs/tones"),
    rendered: bool = False,
) -> None:
    """Write each photograph's skin tone to a table that `evaluate --tones` reads.

    ITA's estimate stands beside the recogniser's answer and its 90 % interval.

    Args:
        data_root (DATA_ROOT): folder that holds the datasets
        out (CSV): the table
        datasets (NAME): only these [all found]
        recogniser (PATH): what `tones train` wrote [runs/tones]
        rendered: DATA_ROOT is a rendered set

    Example:
        skinseg tones recognise data --out tones.csv
    """
    from skinseg.datasets.registry import find_datasets, open_dataset
    from skinseg.recognition.recogniser import load
    from skinseg.recognition.table import counts_by_group, write_table

    trained = load(recogniser)
    names = ["rendered"] if rendered else list(dict.fromkeys(datasets))
    every = [open_dataset(name, data_root) for name in names] if names else find_datasets(data_root)
    lines = write_table(every, trained, out)
    for said in counts_by_group(lines):
        print(said)
    print(out)


def compare(
    *,
    rendered: Path | None = None,
    data_root: Path | None = None,
    recogniser: Path | None = None,
    answers: Sequence[Path] = (),
    subset: Literal["all", "test"] = "all",
    out: Path,
) -> None:
    """Compare ITA, a recogniser and other tools, where the skin tone is known.

    On frames: error, bias by group and by light, intervals, one person in several lights, tone fidelity.

    Args:
        rendered (DIR): a set of another seed than the recogniser saw
        data_root (DIR): datasets with labelled tones
        recogniser (PATH): what `tones train` wrote
        answers (CSV): of other tools: image, and ita, tone, skin tone (skin-tone-classifier's) or label
        subset: [all]
        out (DIR): answers and tables go here

    Example:
        skinseg tones compare --rendered rendered/held-out --recogniser runs/tones --out results/tones
    """
    from skinseg.reports import tone_comparison

    tone_comparison.compare(out, rendered, data_root, recogniser, answers, subset)


def retone(
    *, dataset: str, data_root: Path, out: Path, split: Path | None = None, seed: NotNegative = 0
) -> None:
    """Write training photographs in the skin tones that their dataset lacks.

    A folder of pairs, and of each copy what it was made from. `fit --data.retone balance` makes its own.

    Args:
        dataset (NAME): whose photographs
        data_root (DIR): folder that holds it
        out (DIR): a new folder
        split (CSV): your own split: image,part
        seed (N): of the choice and the tones [0]

    Example:
        skinseg tones retone --dataset ecu --data-root data --out data/ecu-retoned
    """
    from skinseg.curation import retone

    retone.retone(dataset, data_root, out, split, seed)


def audit(data_root: Path, *, datasets: Sequence[str] = (), seed: NotNegative = 0, out: Path) -> None:
    """Ask whether re-toned photographs of a group can be told from its real ones.

    A two-sample classifier by colour and by texture and rim, with nulls, and sheets to look at.

    Args:
        data_root (DATA_ROOT): folder that holds the datasets
        datasets (NAME): only these [all found]
        seed (N): of the folds and the choice [0]
        out (DIR): table and sheets go here

    Example:
        skinseg tones audit data --out results/retone-audit
    """
    from skinseg.curation import tone_audit

    tone_audit.audit(data_root, out, datasets, seed)
