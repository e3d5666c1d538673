"""Studies as data: what they expand to, what decides a node's identity, and one sentence for what is wrong."""

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from skinseg import cli
from skinseg.data.splits import make_split, subset
from skinseg.datasets.registry import open_dataset
from skinseg.errors import UserError
from skinseg.studies import identity
from skinseg.studies.claims import Claim, Grid, judge
from skinseg.studies.definition import read_study
from skinseg.studies.estimates import Scores, estimate, needed
from skinseg.studies.graph import Graph, Inputs, expand
from skinseg.studies.identity import Node
from tests import fakes

STUDIES = sorted((Path(__file__).parents[1] / "configs" / "studies").glob("*.yaml"))
SMALL: dict[str, Any] = {
    "data.size": 32, "data.batch_size": 2, "data.augmentation": "paper", "data.cache_long_side": 48,
    "trainer.accelerator": "cpu", "model.decoder_channels": [8, 8, 8, 8, 8],
}  # fmt: skip
TINY: dict[str, Any] = {
    "name": "tiny", "title": "A tiny study", "paper": "nobody's",
    "scales": {
        "laptop": {
            "configs": [], "options": SMALL, "target": "hgr", "frames": 12, "seeds": [0, 1],
            "steps": {"pretrain": 2, "adapt": 2},
        }
    },
    "axes": [{"name": "images", "parameter": "data.limit_train", "points": {"laptop": [2, 4]}}],
    "fits": {
        "pretrain": {"stage": True, "data": "source", "steps": "pretrain"},
        "pretrained": {"after": "pretrain", "data": "target", "adapt": "finetune", "steps": "adapt"},
        "scratch": {"data": "target", "steps": ["pretrain", "adapt"]},
    },
    "score": {"target": "test", "pratheepan": "all", "ecu": "test"},
    "compare": [["pretrained", "scratch"]],
    "saved": ["pretrained", "scratch"],
    "claims": [{"claim": "It saves images", "paper": "2", "rule": "saves", "test_set": "pratheepan"}],
    "published": {"columns": ["IoU"], "values": {"pretrained@2": [0.5]}},
}  # fmt: skip


def write_study(path: Path, change: Callable[[dict[str, Any]], object] = lambda record: None) -> Path:
    record = copy.deepcopy(TINY)
    change(record)
    path.write_text(yaml.safe_dump(record, sort_keys=False))
    return path


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    root = tmp_path_factory.mktemp("studies")
    fakes.make_hgr(root / "data" / "hgr", 24)
    fakes.make_pratheepan(root / "data" / "pratheepan", 24)
    return Inputs(root / "data", fakes.make_rendered(root / "set", 12))


def expanded(tmp_path: Path, inputs: Inputs, change: Callable[[dict[str, Any]], object]) -> Graph:
    return expand(read_study(write_study(tmp_path / "tiny.yaml", change)), "laptop", inputs)


def test_it_expands_to_each_run_once_parents_first(tmp_path: Path, inputs: Inputs) -> None:
    graph = expanded(tmp_path, inputs, lambda record: None)
    kinds = [node.kind for node in graph.nodes]
    # Per seed one pretraining, two arms of two points, and a score for each of those.
    assert (kinds.count("render"), kinds.count("fit"), kinds.count("score")) == (0, 10, 8)
    seen: set[str] = set()
    for node in graph.nodes:
        assert {parent.key for parent in node.parents} <= seen
        assert node.key not in seen
        seen.add(node.key)
    assert graph.test_sets == (("hgr", "test"), ("pratheepan", "all"))
    assert graph.missing == ("ecu",)
    for cell in graph.cells:
        (fit,) = cell.score.parents
        steps = sum(
            node.spec["options"]["data.epoch_steps"] * node.spec["options"]["trainer.max_epochs"]
            for node in (fit, *fit.parents)
        )
        assert steps == 4


@pytest.mark.slow
@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
@pytest.mark.parametrize("scale", ["laptop", "paper"])
def test_the_shipped_studies_expand(path: Path, scale: str, tmp_path: Path) -> None:
    data = fakes.make_all(tmp_path / "data", 16)
    graph = expand(read_study(path), scale, Inputs(data))
    assert graph.cells
    assert not graph.missing
    assert len({cell.seed for cell in graph.cells}) >= (2 if path.stem == "audit" else 3)
    renders = [node for node in graph.nodes if node.kind == "render"]
    if path.stem not in ("clothing", "backgrounds", "framing", "audit"):
        assert len(renders) == (path.stem != "retone")
    published = read_study(path).published
    assert published is None or set(published.values) <= {cell.name for cell in graph.cells}


def test_a_scale_says_how_its_frames_are_rendered(tmp_path: Path, inputs: Inputs) -> None:
    """render.* among its options is the generator's, under what an axis says, and no fit's; no other set stands in."""

    def change(record: dict[str, Any]) -> None:
        record["scales"]["laptop"]["options"] |= {"render.resolution": 128, "render.p_crowd": 0.0}
        record["axes"] = [{"name": "crowds", "parameter": "render.p_crowd", "points": {"laptop": [0.0, 0.5]}}]
        record["fits"] = {"frames": {"data": "source", "steps": ["pretrain", "adapt"]}}
        record["render"] = {"config": str(STUDIES[0].parents[1] / "render" / "mixed.yaml")}
        for key in ("compare", "saved", "claims", "published"):
            del record[key]

    graph = expanded(tmp_path, Inputs(inputs.data_root), change)
    frames = [node.spec["config"] for node in graph.nodes if node.kind == "render"]
    assert sorted((each["resolution"], each["p_crowd"]) for each in frames) == [(128, 0.0), (128, 0.5)]
    options = [node.spec["options"] for node in graph.nodes if node.kind == "fit"]
    assert not any(key.startswith("render.") for each in options for key in each)
    with pytest.raises(UserError, match="says how frames are rendered, so this set cannot stand for them"):
        expanded(
            tmp_path, inputs, lambda r: r["scales"]["laptop"]["options"].update({"render.resolution": 128})
        )


def test_studies_share_pretraining_and_frames(tmp_path: Path) -> None:
    data = fakes.make_all(tmp_path / "data", 16)
    nodes = []
    for name in ("adaptation", "scarce_real"):
        (path,) = (path for path in STUDIES if path.stem == name)
        nodes.append({node.key for node in expand(read_study(path), "laptop", Inputs(data)).nodes})
    shared = nodes[0] & nodes[1]
    # The set, and a pretraining per seed; without pretraining 120 images are a subset, the whole is none.
    assert len(shared) == 4


def cross_dataset(data: Path, **chosen: Any) -> Graph:
    (path,) = (path for path in STUDIES if path.stem == "cross_dataset")
    return expand(read_study(path), "laptop", Inputs(data, **chosen))


def test_each_data_set_found_is_trained_on_and_scored_on(tmp_path: Path) -> None:
    """With and without pretraining, once a seed, beside the frames alone; your own folder is one of them."""
    data = tmp_path / "data"
    fakes.make_hgr(data / "hgr", 16)
    fakes.make_sfa(data / "SFA", 16)
    fakes.make_folder(data / "own")
    graph = cross_dataset(data)
    trained = ("sfa", "hgr", "own")
    arms = {f"{arm}@{name}" for arm in ("scratch", "pretrained") for name in trained} | {"frames"}
    assert {(cell.name, cell.seed) for cell in graph.cells} == {
        (arm, seed) for arm in arms for seed in range(3)
    }
    assert graph.test_sets == (("sfa", "test"), ("hgr", "test"), ("own", "test"))
    for cell in graph.cells:
        (fit,) = cell.score.parents
        options = fit.spec["options"]
        assert options["data.dataset"] == (cell.point[0] if cell.point else "rendered")
        assert [parent.kind for parent in fit.parents] == {
            "scratch": [], "pretrained": ["fit"], "frames": ["render"]
        }[cell.arm]  # fmt: skip
        assert set(cell.score.spec["test_sets"]) == set(trained)


def test_a_choice_of_data_sets_and_seeds_shares_its_runs_with_the_whole(tmp_path: Path) -> None:
    data = fakes.make_all(tmp_path / "data", 16)
    whole = cross_dataset(data)
    some = cross_dataset(data, datasets=("pratheepan", "hgr"), seeds=(1, 7, 1))
    assert {(cell.arm, cell.point, cell.seed) for cell in some.cells} == {
        (arm, point, seed)
        for arm, points in (
            ("scratch", [("pratheepan",), ("hgr",)]), ("pretrained", [("pratheepan",), ("hgr",)]), ("frames", [()])
        )
        for point in points
        for seed in (1, 7)
    }  # fmt: skip
    assert some.test_sets == whole.test_sets
    known = {node.key for node in whole.nodes}
    assert {node.cost["seed"] for node in some.nodes if node.kind != "render" and node.key not in known} == {
        7
    }
    # The data decide too: another copy of a set is another run, whatever it is called.
    fakes.make_hgr(tmp_path / "data" / "hgr", 18)
    again = cross_dataset(data, datasets=("pratheepan", "hgr"), seeds=(1,))
    fits = {node.title: node.key for node in again.nodes if node.kind == "fit"}
    assert fits["fit scratch@pratheepan, seed 1"] in known
    assert fits["fit scratch@hgr, seed 1"] not in known


def test_subsets_are_nested(inputs: Inputs) -> None:
    names = make_split(open_dataset("hgr", inputs.data_root)).train
    for seed in (0, 1):
        small, large = set(subset(names, 4, seed)), set(subset(names, 8, seed))
        assert small < large


RECORDS = st.dictionaries(
    st.sampled_from(["data.size", "model.lr", "data.dataset", "trainer.max_epochs"]),
    st.one_of(st.integers(0, 9), st.sampled_from(["a", "b"]), st.none()),
    min_size=1,
)


@given(RECORDS, st.integers(0, 3), st.data())
def test_identity_is_what_decides_and_nothing_else(record: dict[str, Any], seed: int, data: Any) -> None:
    node = Node("fit", "a", {"options": record, "seed": seed})
    turned = Node(
        "fit", "b", {"seed": seed, "options": dict(reversed(record.items()))}, how={"data_root": "x"}
    )
    assert node.key == turned.key
    assert node.identity([]) == turned.identity([])
    name = data.draw(st.sampled_from(sorted(record)))
    others = (
        Node("fit", "a", {"options": record | {name: "another"}, "seed": seed}),
        Node("fit", "a", {"options": record, "seed": seed + 1}),
        Node("fit", "a", {"options": record, "seed": seed}, (node,)),
        Node("score", "a", {"options": record, "seed": seed}),
    )
    assert len({node.key, *(other.key for other in others)}) == 5
    assert node.identity([]) != node.identity(["made otherwise"])


def test_code_and_data_are_in_the_identity(
    tmp_path: Path, inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = Node("fit", "a", {"seed": 0})
    before = node.identity([])
    code = dict(identity.code_of("fit"))
    assert "training/module.py" in code
    assert not any(name.startswith(("evaluation/", "studies/", "reports/")) for name in code)
    code["training/module.py"] = "changed"
    monkeypatch.setattr(identity, "code_of", lambda kind: code)
    assert node.identity([]) != before


def _fits(**change: Any) -> Callable[[dict[str, Any]], object]:
    return lambda record: record["fits"]["pretrained"].update(change)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r["axes"][0].update(parameter="data.limit_trian"), "axis images: 'data.limit_trian' names no"),
        (lambda r: r["axes"][0].update(parameter="render.p_hats"), "axis images: 'render.p_hats' names no parameter"),
        (lambda r: r["scales"]["laptop"]["options"].update({"model.rate": 1}), "'model.rate' names no parameter"),
        (lambda r: r["scales"]["laptop"]["options"].update({"model.lr": -1}), "fit .*: --model.lr -1: expected more"),
        (lambda r: r["scales"]["laptop"]["options"].update({"data.batch_size": "x"}), "data: batch_size: 'x' found"),
        (_fits(options={"data.repeat": 0}), "fit .*: --data.repeat 0: expected 1 or more"),
        (lambda r: r["scales"]["laptop"].pop("target"), "adapts to photographs and the scale has no target"),
        (lambda r: r["scales"]["laptop"].update(target="sfa"), "trains on sfa, which is not in .*--target"),
        (lambda r: r.update(score={"sfa": "test"}, claims=[]), "none of its test sets sfa is in"),
        (_fits(adapt="dan"), "adapt is 'dan', expected one of"),
        (_fits(adapt="bgc"), "adapt: bgc with data: target; .* need both sets"),
        (_fits(steps=["pretrain", "adapt"]), r"different numbers of optimiser steps \(pretrained 6, scratch 4\)"),
        (_fits(steps="more"), "steps, at scale laptop: 'more' found"),
        (_fits(after="nobody"), "after names 'nobody', expected a fit above it"),
        (_fits(epochs=3), "fits.pretrained: unknown key 'epochs'"),
        (lambda r: r.update(compare=[["pretrained", "pretrain"]]), "compare: 'pretrain' found, expected some of"),
        (lambda r: r["axes"][0].update(points={"paper": [1]}), "axis images has no points at scale laptop"),
        (lambda r: r["scales"]["laptop"].update(epochs=3), "2 steps of pretrained do not fall into 3 epochs"),
        (lambda r: r["scales"]["laptop"].update(configs=["no.yaml"]), "configs names no.yaml, but .* does not exist"),
        (lambda r: r["scales"]["laptop"].update(configs="../cpu.yaml"), "scales.laptop: configs: '../cpu.yaml' found"),
        (lambda r: r["scales"]["laptop"].update(seeds=[0, "1"]), "scales.laptop: seeds.1: '1' found, expected"),
        (lambda r: r["scales"]["laptop"].update(seeds=[]), r"scales.laptop: seeds: \[\] found, expected"),
        (lambda r: r["scales"]["laptop"].update(frames=2.5), "scales.laptop: frames: 2.5 found"),
        (lambda r: r["scales"]["laptop"].update(steps={"adapt": 0}), "scales.laptop: steps.adapt: 0 found"),
        (lambda r: r["scales"]["laptop"].update(fit_options={"nobody": {}}), "fit_options: 'nobody' found"),
        (lambda r: r["scales"].update(laptop=None), "scales.laptop: None found"),
        (lambda r: r.update(scales=[1]), r"scales: \[1\] found, expected keys"),
        (lambda r: r.update(name="../up"), "tiny.yaml: name: '../up' found"),
        (lambda r: r.update(colums=["iou"]), "tiny.yaml: unknown key 'colums'"),
        (lambda r: r.pop("title"), "tiny.yaml: title is missing; docs/studies.md says"),
        (lambda r: r.update(axes={"a": 1}), "axes: {'a': 1} found, expected a list"),
        (lambda r: r["axes"][0].update(points={"laptop": 3}), "points.laptop: 3 found, expected a list"),
        (lambda r: r["axes"][0].update(points={"laptop": [2, 2]}), "expected each once"),
        (lambda r: r["axes"].append(r["axes"][0]), "axes: images, images found, expected each name once"),
        (_fits(steps=None), "fits.pretrained: steps: None found"),
        (_fits(stage="yes"), "fits.pretrained: stage: 'yes' found"),
        (lambda r: r.update(score={"target": "tset"}), "score.target: 'tset' found, expected 'test' or 'all'"),
        (lambda r: r.update(columns=["iou", "auc"]), "columns .*: 'auc' found, expected some of iou"),
        (lambda r: r.update(columns=["iou", "tones"]), "columns .*: 'tones' found"),
        (lambda r: r.update(notes=["fine", {"Not": "a text"}]), "notes.1: {'Not': 'a text'} found"),
        (lambda r: r.update(compare=[["pretrained"]]), "compare.0"),
        (lambda r: r.update(saved=["pretrained", "nobody"]), "saved: 'nobody' found"),
        (lambda r: r["axes"][0].update(points={"laptop": [4, 2]}), "saved: .*expected rising numbers of images"),
        (lambda r: r["fits"]["scratch"].update(axes=[]), "saved: .*expected two arms along the same one axis"),
        (lambda r: r["published"].update(values={"pretrained@2": [0.5, 0.6]}), "2 found, expected one for each of 1"),
        (lambda r: r["published"].update(values={"pretrained@3": [0.5]}), "point of pretrained: '3' found, expected"),
        (lambda r: r["published"].update(values={"pretrained@2": ["high"]}), "published.values.pretrained@2.0"),
        (lambda r: r["claims"][0].update(rule="wins"), "claims.0.rule: 'wins' found"),
        (lambda r: r["claims"][0].update(rule="most"), "It saves images: arm, minus missing, expected by"),
        (lambda r: r["claims"][0].update(arm="pretrain"), "It saves images: 'pretrain' found"),
        (lambda r: r["claims"][0].update(tone=7), "claims.0.tone: 7 found"),
        (lambda r: r.update(render={"config": "no.yaml", "sed": 1}), "render: unknown key 'sed'"),
    ],
)  # fmt: skip
def test_bad_studies_get_one_sentence(
    change: Callable[[dict[str, Any]], object], said: str, tmp_path: Path, inputs: Inputs
) -> None:
    with pytest.raises(UserError, match=said):
        expanded(tmp_path, inputs, change)


def test_bad_options_get_one_sentence(
    tmp_path: Path, inputs: Inputs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    study = str(write_study(tmp_path / "tiny.yaml"))
    given = ["--data-root", str(inputs.data_root), "--rendered", str(inputs.rendered)]
    assert cli.main(["study", "run", study, *given, "--scale", "desk"]) == 2
    assert "--scale desk: " in capsys.readouterr().err
    assert cli.main(["study", "run", "tine", *given]) == 2
    assert "study tine: no such file" in capsys.readouterr().err
    assert cli.main(["study", "run", study, *given, "--datasets", "hgr"]) == 2
    assert "study tiny does not vary what it trains on" in capsys.readouterr().err
    shipped = str(STUDIES[0].with_name("cross_dataset.yaml"))
    assert cli.main(["study", "run", shipped, *given, "--datasets", "hgr", "ecu"]) == 2
    assert "--datasets: 'ecu' is not among those found in" in capsys.readouterr().err
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").touch()
    assert cli.main(["study", "run", study, *given, "--out", "other"]) == 2
    assert "other: is there and is no study's folder" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "tiny.yaml"]


def test_a_dry_run_says_all_and_writes_nothing(
    tmp_path: Path, inputs: Inputs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    study = str(write_study(tmp_path / "tiny.yaml"))
    given = ["--data-root", str(inputs.data_root), "--rendered", str(inputs.rendered)]
    assert cli.main(["study", "run", study, *given, "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "fit: 10, 0 of them finished, about" in out
    assert "Not on this machine, and left out: ecu." in out
    assert out.count(" score pretrained@2, seed 0") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.yaml"]


def matrix(values: np.ndarray) -> pd.DataFrame:
    """Float (images, seeds), a unit of its own each."""
    index = pd.MultiIndex.from_tuples(
        [(f"u{i:02}", f"i{i:02}") for i in range(len(values))], names=["unit", "image"]
    )
    return pd.DataFrame(values, index=index, columns=range(values.shape[1]))


def test_intervals_hold_the_spread_of_images_and_of_seeds() -> None:
    images = np.linspace(0.2, 0.8, 40)[:, None]
    calm = estimate([matrix(np.repeat(images, 3, axis=1))], lambda means: means[0])
    wild = estimate([matrix(images + np.array([[-0.2, 0.0, 0.2]]))], lambda means: means[0])
    assert calm is not None
    assert wild is not None
    assert calm.value == pytest.approx(0.5)
    assert wild.value == pytest.approx(0.5)
    assert wild.high - wild.low > 1.5 * (calm.high - calm.low)
    # The plain bootstrap's error of a mean of 40.
    assert (calm.high - calm.low) / 3.92 == pytest.approx(images.std() / math.sqrt(40), rel=0.1)
    same = estimate([matrix(images)] * 2, lambda means: means[0] - means[1])
    assert same is not None
    assert (same.value, same.low, same.high) == (0, 0, 0)


@given(st.floats(0.05, 0.95))
def test_needed_images_invert_the_curve(share: float) -> None:
    counts, curve = [10.0, 40.0, 160.0], [np.array([0.4]), np.array([0.6]), np.array([0.7])]
    between = math.exp(math.log(40) + share * math.log(4))
    assert needed(np.array([0.6 + share * 0.1]), counts, curve)[0] == pytest.approx(between)
    assert needed(np.array([0.1]), counts, curve)[0] == 10
    assert needed(np.array([0.71]), counts, curve)[0] == math.inf


class Known(Scores):
    """Scores with values that are given: cell to float (images, seeds)."""

    def __init__(self, values: dict[str, np.ndarray]) -> None:
        self.values = values

    def matrix(
        self, cell: str, test_set: str, metric: str = "iou", tone: int | None = None
    ) -> pd.DataFrame | None:
        return matrix(self.values[cell]) if cell in self.values else None


def test_claims_are_judged_by_their_rules() -> None:
    noise = np.random.default_rng(0).normal(0, 0.02, (30, 3))
    cells = {"a": 0.6 + noise, "b": 0.5 + noise[::-1], "few": 0.9 + noise[:10]}
    scores = Known(cells)
    grid = Grid({name: [()] for name in cells}, ["hgr"])

    def held(first: str, second: str) -> str:
        return judge(Claim("", "difference", arm=first, minus=second), scores, grid).held

    assert (held("a", "b"), held("b", "a"), held("a", "a")) == ("yes", "no", "undecided")
    assert (held("few", "a"), held("a", "missing")) == ("not tested", "not tested")

    curve = {f"with@{n}": 0.5 + 0.1 * i + noise for i, n in enumerate((10, 20, 40))}
    curve |= {f"without@{n}": 0.4 + 0.1 * i + noise for i, n in enumerate((10, 20, 40))}
    scores = Known(curve)
    points = [("10",), ("20",), ("40",)]
    grid = Grid({"with": points, "without": points}, ["hgr"], ("with", "without"))
    saves = Claim("", "saves", by=1.5)
    verdict = judge(saves, scores, grid)
    assert verdict.held == "yes"
    assert verdict.why == "10 images: 2.0 (2.0 to 2.0); 20 images: 2.0 (2.0 to 2.0)"
    assert judge(replace(saves, by=3), scores, grid).held == "no"
    saturates = Claim("", "saturates", arm="with", by=20)
    assert judge(saturates, scores, grid).held == "no"
    assert judge(replace(saturates, by=40), scores, grid).held == "not tested"
    curve["with@40"] = curve["with@20"]
    assert judge(saturates, scores, grid).held == "yes"
    most = Claim("", "most", arm="with", minus="without")
    assert judge(most, scores, grid).held == "yes"
    assert judge(replace(most, arm="without", minus="with"), scores, grid).held == "no"
