"""`skinseg dashboard`: the project's workspace on Weights & Biases, built from code by wandb's own library."""

import importlib.util
import os
from collections.abc import Sequence
from typing import Any

from skinseg import tracking
from skinseg.datasets.registry import PHOTOGRAPHS
from skinseg.datasets.rendered import Rendered
from skinseg.errors import UserError, install

NAME = "skinseg"
TEST_SETS = (*(kind.name for kind in PHOTOGRAPHS), Rendered.name)
TONES = range(1, 7)


def create_dashboard(entity: str | None, project: str, test_sets: Sequence[str] = ()) -> str:
    """Save the workspace in a project and return its address.

    entity: user or team; None for the user's default. test_sets: names of your own datasets, beside the published ones.
    Raises UserError where W&B is offline, not installed, without a key, or refuses.
    """
    check_reach()
    import wandb

    try:
        owner = entity or os.environ.get("WANDB_ENTITY") or wandb.Api().default_entity
        if not owner:
            raise UserError(
                "dashboard: W&B knows no default user or team for this key; name one with --entity"
            )
        saved = workspace(owner, project, (*TEST_SETS, *test_sets)).save()
        return str(saved.url)
    except UserError:
        raise
    except Exception as error:  # wandb, requests and its GraphQL client each have their own
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"dashboard: W&B did not save the workspace of project {project} ({reason}); "
            "check the key, the network and --entity"
        ) from error


def check_reach() -> None:
    """Raise UserError where a workspace cannot be saved at all, saying why."""
    for module in ("wandb", "wandb_workspaces"):
        if importlib.util.find_spec(module) is None:
            name = module.replace("_", "-")
            raise UserError(f"dashboard: {name} is not installed; {install('wandb')} adds it")
    if tracking.is_offline():
        mode = os.environ.get("WANDB_MODE")
        reason = f"WANDB_MODE is {mode}" if mode else "there is no key"
        raise UserError(
            f"dashboard: W&B is offline here ({reason}), and a workspace lives on its server; "
            "set WANDB_API_KEY or run `wandb login`"
        )


def workspace(entity: str, project: str, test_sets: Sequence[str] = TEST_SETS) -> Any:
    """The workspace, a `wandb_workspaces.workspaces.Workspace` that has not been saved.

    Runs are grouped by study and job type. Sections: skin mIoU per data set, per tone, validation masks, curves,
    the table of predictions, rendered sets.
    """
    import wandb_workspaces.reports.v2 as panels
    import wandb_workspaces.workspaces as workspaces

    def bars(title: str, metrics: list[str]) -> Any:
        return panels.BarPlot(
            title=title, metrics=[panels.SummaryMetric(name) for name in metrics], range_x=(0, 1)
        )

    def curve(title: str, *metrics: str) -> Any:
        return panels.LinePlot(title=title, x="trainer/global_step", y=list(metrics), title_x="step")

    tones = [
        bars(f"{name}, tone {source}", [f"tone_skin/{name}/{source}_{tone}" for tone in TONES])
        for name in test_sets
        for source in ("labelled", "estimated")
        # Frames know the tone that was asked for; photographs have labels only where the user brings them.
        if (source == "labelled") == (name == Rendered.name)
    ]
    sections = {
        "Skin mIoU per data set": [bars(name, [f"miou_skin/{name}"]) for name in test_sets],
        "Skin mIoU per Fitzpatrick group": tones,
        "Person mIoU": [bars(Rendered.name, [f"miou_person/{Rendered.name}"])],
        "Validation masks": [
            panels.MediaBrowser(
                title="the same images every epoch",
                media_keys=["val/overlays"],
                mode="grid",
                grid_x_axis="step",
                grid_y_axis="index",
            )
        ],
        "Training": [
            curve("validation mIoU", "val/skin_miou", "val/skin_worst_tone", "val/person_miou"),
            curve("training loss", "train/loss"),
            curve("loss per head", "train/skin_loss", "train/person_loss"),
            panels.RunComparer(diff_only="split"),
        ],
        "Predictions": [panels.WeavePanelSummaryTable(table_name="predictions")],
        "Rendered sets": [panels.MediaBrowser(media_keys=["contact_sheet"], num_columns=2)],
    }
    return workspaces.Workspace(
        entity=entity,
        project=project,
        name=NAME,
        sections=[
            workspaces.Section(name=name, panels=content, is_open=True) for name, content in sections.items()
        ],
        runset_settings=workspaces.RunsetSettings(
            groupby=[workspaces.Metric("Group"), workspaces.Metric("JobType")]
        ),
    )
