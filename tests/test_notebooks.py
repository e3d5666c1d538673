"""Each notebook runs top to bottom, on few frames, tiny sizes and fakes."""

from pathlib import Path

import nbformat
import pytest
import pytorch_lightning as pl
import torch
from nbclient import NotebookClient

from skinseg.evaluation.command import evaluate
from skinseg.models.checkpoint import BEST, PREFIX, RESULT, metadata_of
from skinseg.models.unet import TwoHeadUnet
from tests import fakes

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
LIMIT = 500_000  # bytes of a notebook in the repository, its pictures included


def run(name: str, **values: object) -> list[nbformat.NotebookNode]:
    """Run a notebook in its own folder with other values in its first cell of code; everything that it shows."""
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
    lines = cell.source.splitlines()
    for variable, value in values.items():
        (at,) = [i for i, line in enumerate(lines) if line.startswith(f"{variable} = ")]
        lines[at] = f"{variable} = {value!r}"
    cell.source = "\n".join(["from pathlib import PosixPath", *lines])
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(NOTEBOOKS)}}).execute()
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def pictures(shown: list[nbformat.NotebookNode]) -> int:
    return sum("image/png" in output.get("data", {}) for output in shown)


def texts(shown: list[nbformat.NotebookNode]) -> str:
    return "\n".join(output.get("data", {}).get("text/plain", output.get("text", "")) for output in shown)


def untrained_run(folder: Path, seed: int) -> None:
    """A run's folder as `skinseg fit` leaves it, with weights as they were initialised."""
    pl.seed_everything(seed, verbose=False)
    model = TwoHeadUnet()
    weights = {PREFIX + name: value for name, value in model.state_dict().items()}
    (folder / BEST).parent.mkdir(parents=True)
    torch.save({"skinseg": metadata_of(model, 64), "state_dict": weights}, folder / BEST)
    (folder / RESULT).write_text("{}")


@pytest.mark.slow
def test_from_nothing_to_a_segmented_photograph(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    fakes.write(photo, fakes.fake(0).image)
    folders = {"FRAMES": tmp_path / "frames", "RUNS": tmp_path / "runs"}
    shown = run("1_segment_a_photograph.ipynb", **folders, COUNT=8, RESOLUTION=64, EPOCHS=1, PHOTO=photo)
    assert pictures(shown) == 3
    assert len(list(tmp_path.glob("runs/*/*/result.json"))) == 1


@pytest.mark.slow
def test_variations_of_the_generator(tmp_path: Path) -> None:
    shown = run("2_vary_the_generator.ipynb", FRAMES=tmp_path, PER_ROW=1, RESOLUTION=64)
    assert pictures(shown) == 6
    assert "fitzpatrick" in texts(shown)


@pytest.mark.slow
def test_reading_a_report(tmp_path: Path) -> None:
    fakes.make_ecu(tmp_path / "data" / "ecu", 60)
    results = []
    for seed in (0, 1):
        untrained_run(tmp_path / "runs" / str(seed), seed)
        results.append(tmp_path / "results" / str(seed))
        evaluate(tmp_path / "runs" / str(seed), results[-1], tmp_path / "data", subset="all", device="cpu")
    shown = texts(run("3_read_a_report.ipynb", RESULTS=results))
    assert "2 models, 1 test sets, 120 scored images" in shown
    for word in ("iou_pooled", "who prints it", "all skin", "difference", "group", "90%"):
        assert word in shown


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_stays_small_and_says_nothing_of_the_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text) < LIMIT
    for word in ("/home/", "/root/", "/tmp/", "Traceback"):
        assert word not in text
