"""Each notebook runs top to bottom, on fakes and an untrained model."""

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


def untrained_run(folder: Path) -> None:
    """A run's folder as `skinseg fit` leaves it, with weights as they were initialised."""
    pl.seed_everything(0, verbose=False)
    model = TwoHeadUnet()
    weights = {PREFIX + name: value for name, value in model.state_dict().items()}
    (folder / BEST).parent.mkdir(parents=True)
    torch.save({"skinseg": metadata_of(model, 64), "state_dict": weights}, folder / BEST)
    (folder / RESULT).write_text("{}")


@pytest.mark.slow
def test_first_light(tmp_path: Path) -> None:
    rendered, runs, results = tmp_path / "rendered", tmp_path / "runs", tmp_path / "results"
    fakes.make_rendered(rendered, 12)
    untrained_run(runs / "one")
    evaluate(runs, results, rendered=rendered, device="cpu")

    notebook = nbformat.read(NOTEBOOKS / "first_light.ipynb", as_version=4)
    for name, path in (("RENDERED", rendered), ("RUNS", runs), ("RESULTS", results)):
        cell = notebook.cells[1]
        line = next(line for line in cell.source.splitlines() if line.startswith(f"{name} = "))
        cell.source = cell.source.replace(line, f"{name} = Path({str(path)!r})")
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()

    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in shown) == 2
    assert any("iou_image_mean" in output.get("data", {}).get("text/plain", "") for output in shown)
