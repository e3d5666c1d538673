"""The `skinseg` command: parses, calls, prints. Every heavy import waits until its command runs."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from skinseg import __version__, presets
from skinseg.errors import UserError
from skinseg.models.exported import RELEASED

TRAINING = {
    "fit": "train (pretrain or fine-tune): --preset auto --config pretrain, any field as an option",
    "validate": "score a checkpoint on the validation split",
    "test": "score a checkpoint on the test split",
}

# By hand, as LightningCLI's own takes ten seconds and pages; a test holds it against the options that there are.
_FIT_HELP = """\
usage: skinseg fit [--preset WORD] [--config YAML ...] [--OPTION VALUE ...]

Train (pretrain or fine-tune). Every field of a YAML is an option too: later
files override earlier ones, and options override files.

how, and for what:
  --preset WORD               cpu, gpu or auto, which asks the machine; paper: the
                              paper's recipe, over auto's and over every --config
  --config YAML               pretrain, finetune, adapt, or a file of your own

what to train on:
  --data.dataset NAME         rendered, ecu, hgr, sfa, abdomen, pratheepan, or
                              folder
  --data.data_root DIR        folder that holds it
  --data.split CSV            your own split: image,part
  --data.limit_train N        only N of its training images, a nested subset
  --adapt WORD                none, finetune, bgc, fda, dann or pixmatch, from
  --data.source NAME          a labelled set, usually rendered, in
  --data.source_root DIR      its folder
what to train:
  --model.pretrained PATH     start from a checkpoint, a run or a folder of runs
                              (its newest); null for scratch
  --model.encoder NAME        any of segmentation-models-pytorch's
  --model.encoder_weights W   imagenet (an installed package's or the hub's), a
                              file, or null for scratch
  --data.size PIXELS          side of a training patch
  --data.batch_size N         images a step
  --model.lr RATE             learning rate at its highest
  --model.criterion SCORE     whose highest epoch is the best: val/skin_miou or
                              val/skin_worst_tone
  --trainer.max_epochs N      length of the run
  --trainer.accelerator NAME  auto, cpu or gpu
where:
  --job NAME                  the run goes to runs/NAME/<time> [train]
  --runs DIR                  another folder of runs
  --seed_everything N         of weights, order and augmentation [0]
  --ckpt_path PATH            go on from a run's last whole epoch, bit for bit
more:
  --help-all                  every option, its type and its default (seconds)

example: skinseg fit --preset auto --config pretrain \\
             --data.data_root rendered/default
"""
_SCORE_HELP = """\
usage: skinseg {command} [--OPTION VALUE ...]

Score a checkpoint on the {part} split of one dataset, and print the means.
`skinseg evaluate` scores all datasets, with intervals and a report.

options:
  --ckpt_path PATH            a .ckpt, a run, or a folder of runs [runs]
  --data.dataset NAME         rendered, ecu, hgr, sfa, abdomen, pratheepan, or
                              folder
  --data.data_root DIR        folder that holds it
  --data.split CSV            your own split: image,part
  --help-all                  every option, its type and its default (seconds)

example: skinseg {command} --ckpt_path runs/finetune --data.dataset hgr \\
             --data.data_root data
"""
TRAINING_HELP = {
    "fit": _FIT_HELP,
    "validate": _SCORE_HELP.format(command="validate", part="validation"),
    "test": _SCORE_HELP.format(command="test", part="test"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0, or 2 where the user has to change something: an option, or a
    file that `data check` found wrong."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if arguments and arguments[0] in TRAINING and arguments[1:] in (["--help"], ["-h"]):
            print(TRAINING_HELP[arguments[0]], end="")
        elif arguments and arguments[0] in TRAINING:
            # LightningCLI has a parser of its own: it is handed everything else.
            if arguments[1:] == ["--help-all"]:
                arguments[1:] = ["--help"]
            arguments[1:] = presets.with_files(arguments[1:])
            from skinseg.training import command

            command.main(arguments)
        else:
            options = _parser().parse_args(arguments)
            code: int | None = options.run(options)
            return code or 0
    except UserError as error:
        print(f"skinseg: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("skinseg: stopped; what was finished is kept", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of a pipe (`| head`) left; nothing to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="skinseg",
        description="Skin segmentation: render people with exact masks, train on them, score on photographs.",
    )
    parser.add_argument("--version", action="version", version=f"skinseg {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    render = _command(
        commands,
        "render",
        "render people with exact masks, or check a set of them",
        "A frame is a function of (settings, seed, index): the same whatever the number of workers. Killed at any "
        "moment, the same command goes on; a larger --count extends the set.",
        "skinseg render --count 400 --out rendered/default",
    )
    render.add_argument(
        "--config",
        metavar="YAML",
        help="generator settings: mixed, faces, portraits, torsos, full_body, hands, neutral, or a file [mixed]",
    )
    render.add_argument("--count", type=_at_least_one, metavar="N", help="frames in the set")
    render.add_argument("--seed", type=_not_negative, metavar="S", help="[0]")
    render.add_argument(
        "--backgrounds", type=Path, metavar="DIR", help="your photographs, for walls [textures only]"
    )
    render.add_argument(
        "--workers", type=_at_least_one, default=os.cpu_count(), metavar="W", help="processes [one per core]"
    )
    render.add_argument(
        "--scheduler", metavar="ADDRESS", help="render on a dask cluster, tcp://host:8786 [this machine]"
    )
    _add_wandb(render)
    place = render.add_mutually_exclusive_group(required=True)
    place.add_argument("--out", type=Path, metavar="DIR", help="the set's folder; goes on there")
    place.add_argument(
        "--verify", type=Path, metavar="DIR", help="check every file of a set, render damaged ones again"
    )
    render.set_defaults(run=_render)

    # Parsed by LightningCLI; named here so that `skinseg --help` lists them.
    for name, text in TRAINING.items():
        commands.add_parser(name, help=text, add_help=False)

    evaluate = _command(
        commands,
        "evaluate",
        "score a checkpoint, or masks of any other model, on every dataset found; write a report",
        "Each image is predicted once, at its own resolution, threshold 0.5; every number is a reduction of the stored "
        "rows. The report lies in DIR/report.html. Masks are <dataset>/<skin or person>/<image id>.png below their "
        "folder: 8 bit of two levels, or 16 bit, where 65535 is probability 1.",
        "skinseg evaluate --checkpoint runs/finetune --data-root data --out results/latest",
    )
    evaluate.add_argument(
        "--checkpoint",
        type=Path,
        metavar="PATH",
        help="a .ckpt, a run, or a folder of runs (newest)",
    )
    evaluate.add_argument("--masks", type=Path, metavar="DIR", help="instead: somebody's masks, with --name")
    evaluate.add_argument("--name", metavar="NAME", help="what made the masks, for the report")
    evaluate.add_argument("--data-root", type=Path, metavar="DIR", help="folder that holds the datasets")
    evaluate.add_argument("--rendered", type=Path, metavar="DIR", help="a rendered set, to score on as well")
    evaluate.add_argument("--subset", choices=("test", "all"), default="test", help="[test]")
    evaluate.add_argument("--datasets", metavar="NAME,...", help="score on these only [all found]")
    evaluate.add_argument("--split", type=Path, metavar="CSV", help="your own split: image,part[,dataset]")
    evaluate.add_argument("--tones", type=Path, metavar="CSV", help="image,tone[,dataset], tone 1 to 6")
    evaluate.add_argument(
        "--exclude", type=Path, metavar="CSV", help="images to leave out, as `data leaks` writes"
    )
    evaluate.add_argument(
        "--labels",
        metavar="PART=CHOICE,...",
        help="eyes, lips, mouth, nails: skin, background or ignore; unsure: cut or ignore",
    )
    evaluate.add_argument("--device", default="auto", help="auto, cpu or cuda [auto]")
    evaluate.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="rows, tables and report go here"
    )
    _add_wandb(evaluate)
    evaluate.set_defaults(run=_evaluate)

    report = _command(
        commands,
        "report",
        "report stored result rows, of one run or of several side by side",
        "Nothing is predicted: the report comes from stored rows and panels. Several runs are compared on the same "
        "images, with paired differences.",
        "skinseg report results/a results/b --out results/both",
    )
    report.add_argument(
        "results",
        type=Path,
        nargs="+",
        metavar="RESULTS",
        help="folders that `evaluate` wrote, or their rows.parquet",
    )
    report.add_argument(
        "--out", type=Path, metavar="DIR", help="tables and report go here [the folder, where there is one]"
    )
    report.add_argument(
        "--slices", action="store_true", help="add what goes with an image's IoU: who wins where"
    )
    report.set_defaults(run=_report)

    _add_study_command(
        _command(
            commands,
            "study",
            "run an experiment of the paper, or one of your own",
            "A study is a YAML file: the paper's go by name, and docs/studies.md says what one may say.",
            "skinseg study run adaptation --scale laptop --data-root data --dry-run",
        )
    )

    _add_predict_and_export(commands)

    _add_data_commands(
        _command(
            commands,
            "data",
            "datasets: list, unpack, check, audit for leaks",
            "Nothing in your data is renamed, converted or copied.",
            "skinseg data check data",
        )
    )

    dashboard = _command(
        commands,
        "dashboard",
        "create the Weights & Biases workspace that shows this project's runs",
        "It needs a key and a network; docs/wandb.md says what it shows.",
        "skinseg dashboard --project skinseg",
    )
    dashboard.add_argument("--entity", metavar="NAME", help="user or team [WANDB_ENTITY, else your default]")
    dashboard.add_argument("--project", metavar="NAME", help="[WANDB_PROJECT, else skinseg]")
    dashboard.add_argument(
        "--test-sets", nargs="+", default=[], metavar="NAME", help="datasets of your own, to show as well"
    )
    dashboard.set_defaults(run=_dashboard)

    hardware = _command(
        commands,
        "hardware",
        "print the preset that fits this machine: cpu or gpu",
        "`skinseg fit --preset auto` takes it.",
        "skinseg hardware",
    )
    hardware.set_defaults(run=_hardware)
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    said: str,
    more: str,
    example: str,
) -> argparse.ArgumentParser:
    """A command with a manual page: a line, what else there is to know, the options, an example."""
    description = f"{said[0].upper()}{said[1:]}. {more}"
    return commands.add_parser(name, help=said, description=description, epilog=f"example: {example}")


def _add_predict_and_export(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    predict = _command(
        commands,
        "predict",
        "write skin and person masks of your own photographs and videos",
        "Masks come at each image's own resolution, turned as EXIF says, with a JSON line for each in "
        "DIR/predictions.jsonl. A file that cannot be read is named and skipped; the exit code is then 1.",
        "skinseg predict photos/ --checkpoint runs/finetune --out masks --overlays",
    )
    predict.add_argument(
        "images", nargs="+", metavar="IMAGE", help="files, folders, videos, or patterns with *"
    )
    predict.add_argument(
        "--checkpoint",
        type=Path,
        default=Path(RELEASED),
        metavar="PATH",
        help="a .ckpt, a run, a folder of runs (newest), an exported folder or an .onnx file [the released model]",
    )
    predict.add_argument("--out", type=Path, required=True, metavar="DIR", help="masks go here")
    predict.add_argument("--probabilities", action="store_true", help="also as 16-bit PNG, 65535 is 1")
    predict.add_argument("--overlays", action="store_true", help="also a picture with both masks drawn in")
    predict.add_argument(
        "--tiles",
        type=_tiles,
        metavar="FACTOR",
        help="see large images in overlapping windows, FACTOR times as large as the network would, or own: at their "
        "own resolution [whole]",
    )
    predict.add_argument(
        "--batch-size", type=_at_least_one, metavar="N", help="images at once [by memory and size]"
    )
    predict.add_argument("--device", default="auto", help="auto, cpu or cuda [auto]")
    predict.set_defaults(run=_predict)

    export = _command(
        commands,
        "export",
        "write a checkpoint as safetensors and ONNX, with a model card",
        "The ONNX model is compared with torch before it is written, and runs without torch.",
        "skinseg export runs/finetune --out exported --results results/latest",
    )
    export.add_argument(
        "checkpoint", type=Path, metavar="CHECKPOINT", help="a .ckpt, a run, or a folder of runs"
    )
    export.add_argument("--out", type=Path, required=True, metavar="DIR", help="files go here")
    export.add_argument("--half", action="store_true", help="round weights to half precision: half the file")
    export.add_argument(
        "--images",
        nargs="+",
        default=[],
        metavar="IMAGE",
        help="check the ONNX model on these [drawn pictures]",
    )
    export.add_argument(
        "--results",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="for the card, as `evaluate` wrote them",
    )
    export.add_argument(
        "--int8",
        type=Path,
        metavar="DATA_ROOT",
        help="also in 8 bit, calibrated on the datasets here; kept where mIoU holds",
    )
    export.set_defaults(run=_export)


def _add_wandb(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--wandb",
        action=argparse.BooleanOptionalAction,
        help="log a Weights & Biases run [where you have a key; --wandb without one logs offline]",
    )


def _add_data_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    catalogue = _command(
        commands,
        "list",
        "where each dataset is offered, its terms and its layout",
        "Nothing is downloaded: the publishers' pages ask for consent.",
        "skinseg data list",
    )
    catalogue.set_defaults(run=_data_list)

    unpack = _command(
        commands,
        "unpack",
        "unpack zip and tar archives safely",
        "A path that leaves the folder, a link or a bomb is refused.",
        "skinseg data unpack Pratheepan.zip --out data",
    )
    unpack.add_argument("archives", type=Path, nargs="+", metavar="ARCHIVE")
    unpack.add_argument("--out", type=Path, required=True, metavar="DIR", help="a folder for each goes here")
    unpack.set_defaults(run=_data_unpack)

    check = _command(
        commands,
        "check",
        "read every file under a folder; say what is there and what is wrong (exit code 2)",
        "Exit code 2 where something is wrong, named file by file.",
        "skinseg data check data --json",
    )
    check.add_argument("data_root", type=Path, metavar="DATA_ROOT")
    check.add_argument("--split", type=Path, metavar="CSV", help="your own split: image,part")
    form = check.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="for machines")
    form.add_argument(
        "--names", action="store_true", help="names of the datasets only, for scripts; reads no image"
    )
    check.set_defaults(run=_data_check)

    leaks = _command(
        commands,
        "leaks",
        "find photographs that are there twice: in a dataset, across datasets, across a split",
        "The table it writes goes to `skinseg evaluate --exclude`.",
        "skinseg data leaks data --out results/leaks",
    )
    leaks.add_argument("data_root", type=Path, metavar="DATA_ROOT")
    leaks.add_argument("--split", type=Path, metavar="CSV", help="your own split: image,part[,dataset]")
    leaks.add_argument(
        "--out",
        type=Path,
        default=Path("results/leaks"),
        metavar="DIR",
        help="table and thumbnails [results/leaks]",
    )
    leaks.set_defaults(run=_data_leaks)


def _add_study_command(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    run = _command(
        commands,
        "run",
        "run what is missing of a study, then write its tables",
        "A finished run is never done again; killed, the same command goes on. Frames, runs and scores lie below "
        "rendered/, runs/ and results/studies/, shared by all studies.",
        "skinseg study run scarce_real --scale laptop --data-root data",
    )
    run.add_argument("study", metavar="STUDY", help="adaptation, scarce_real, ..., or a YAML of your own")
    run.add_argument("--scale", default="laptop", metavar="SCALE", help="laptop or paper [laptop]")
    run.add_argument(
        "--data-root", type=Path, required=True, metavar="DIR", help="folder that holds the datasets"
    )
    run.add_argument(
        "--out", type=Path, metavar="DIR", help="rows, tables and report [results/studies/NAME-SCALE]"
    )
    run.add_argument("--target", metavar="DATASET", help="train on this one [the scale's]")
    run.add_argument(
        "--datasets",
        nargs="+",
        default=[],
        metavar="NAME",
        help="train on each of these, where a study varies that [as it says]",
    )
    run.add_argument(
        "--seeds", nargs="+", type=_not_negative, default=[], metavar="N", help="of training [the scale's]"
    )
    run.add_argument("--rendered", type=Path, metavar="DIR", help="use this rendered set; render none")
    run.add_argument("--backgrounds", type=Path, metavar="DIR", help="your photographs, for rendered walls")
    run.add_argument("--dry-run", action="store_true", help="print runs, what is finished, and the cost")
    run.add_argument(
        "--workers", type=_at_least_one, metavar="N", help="runs at the same time [one per GPU, one on a CPU]"
    )
    run.add_argument("--scheduler", metavar="ADDRESS", help="run on a dask cluster with a shared disk")
    run.add_argument(
        "--other-code",
        default="refuse",
        choices=("refuse", "again", "accept"),
        help="what to do about finished runs that other code made [refuse]",
    )
    run.set_defaults(run=_study)


def _study(options: argparse.Namespace) -> None:
    from skinseg.studies.command import run_study

    run_study(
        options.study,
        options.scale,
        data_root=options.data_root,
        out=options.out,
        target=options.target,
        datasets=options.datasets,
        seeds=options.seeds,
        rendered=options.rendered,
        backgrounds=options.backgrounds,
        dry_run=options.dry_run,
        workers=options.workers,
        scheduler=options.scheduler,
        other_code=options.other_code,
    )


def _render(options: argparse.Namespace) -> None:
    from skinseg import tracking
    from skinseg.synthetic.config import GeneratorConfig
    from skinseg.synthetic.rendering.renderer import render_set, verify_set

    photos = None
    if options.backgrounds:
        from skinseg.synthetic.room.backgrounds import find_photos

        photos = find_photos(options.backgrounds.resolve())
    if options.verify:
        given = [f"--{name}" for name in ("config", "count", "seed") if getattr(options, name) is not None]
        if given:
            raise UserError(
                f"--verify with {', '.join(given)}: expected neither, a set is checked against its own "
                "generator.yaml; leave them out"
            )
        checked = verify_set(options.verify, options.workers, photos=photos, scheduler=options.scheduler)
        for flaw in checked.damaged.values():
            print(f"rendered again: {flaw}")
        print(f"{checked.out}: {checked.frames} frames, {len(checked.damaged)} of them were damaged")
        if checked.different:
            print(
                f"{len(checked.different)} of those have other pixels than at first, as another machine or "
                "Blender gives them; their masks are exact all the same"
            )
        return
    if options.count is None:
        raise UserError("--count is missing, expected the number of frames in the set; give --count 400")
    config = (
        GeneratorConfig.load(presets.config_file(options.config, "render"))
        if options.config
        else GeneratorConfig()
    )
    tracked = tracking.is_wanted(options.wandb)
    began = time.monotonic()
    # What ends a cluster's job, or one in the background: the set still gets its table and its data card.
    signal.signal(signal.SIGTERM, _stop)
    report = render_set(
        config,
        options.count,
        options.seed or 0,
        options.workers,
        options.out,
        photos=photos,
        scheduler=options.scheduler,
    )
    print(
        f"{report.out}: {report.frames} frames, {report.rendered} of them new; re-drawn for too little skin: "
        f"{report.redrawn}; workers restarted: {report.restarts}; look at {report.out / 'contact_sheet.jpg'}"
    )
    if tracked:
        counts = {"frames": report.frames, "rendered": report.rendered, "redrawn": report.redrawn}
        tracking.log_set(report.out, counts | {"seconds": round(time.monotonic() - began, 1)})


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _evaluate(options: argparse.Namespace) -> None:
    from skinseg import tracking
    from skinseg.evaluation.command import evaluate

    tracked = tracking.is_wanted(options.wandb)
    evaluate(
        checkpoint=options.checkpoint,
        out=options.out,
        data_root=options.data_root,
        rendered=options.rendered,
        subset=options.subset,
        device=options.device,
        split_file=options.split,
        labels=options.labels,
        tones=options.tones,
        exclude=options.exclude,
        names=options.datasets.split(",") if options.datasets else None,
        masks=options.masks,
        name=options.name,
    )
    _write_and_print_report([options.out])
    if tracked:
        from skinseg.reports.wandb_results import log_results

        log_results(options.out)


def _report(options: argparse.Namespace) -> None:
    _write_and_print_report(options.results, options.out, options.slices)


def _write_and_print_report(results: Sequence[Path], out: Path | None = None, slices: bool = False) -> None:
    from skinseg.reports.console import print_tables
    from skinseg.reports.report import write_report

    report = write_report(results, out, slices)
    print_tables(report.tables, report.verdict)
    for kind, path in report.paths.items():
        if kind != "html":
            print(f"{kind}: {path}")
    print(f"report: {report.paths['html']}")


def _predict(options: argparse.Namespace) -> int:
    from skinseg.predict.command import predict

    return predict(
        options.images,
        options.checkpoint,
        options.out,
        options.device,
        options.probabilities,
        options.overlays,
        options.tiles,
        options.batch_size,
    )


def _export(options: argparse.Namespace) -> None:
    from skinseg.export.quantization import ALLOWED
    from skinseg.reports.model_card import export_with_card

    exported = export_with_card(
        options.checkpoint, options.out, options.images, options.int8, options.results, options.half
    )
    difference = exported.difference
    kind = "drawn pictures (--images for your own)" if difference.generated else "photographs"
    print(
        f"ONNX against torch on {difference.images} {kind}: largest difference of a probability "
        f"{difference.probability:.1e}, mask pixels that differ {difference.mask:.1e}"
    )
    if exported.int8 is not None:
        for line in exported.int8.scores:
            print(
                f"int8 on {line.dataset}, {line.images} test images: skin mIoU {line.float32:.3f} to {line.int8:.3f}"
            )
        verdict = "written" if exported.int8.kept else "not written"
        print(f"int8: {verdict}; mIoU may fall by {ALLOWED} at most on each")
    if not options.results:
        print("model card without scores: give the folders that `skinseg evaluate` wrote with --results")
    print(f"{exported.out}: model.safetensors with config.json, model.onnx, README.md")


def _data_list(_: argparse.Namespace) -> None:
    from skinseg.curation.catalogue import print_catalogue

    print_catalogue()


def _data_unpack(options: argparse.Namespace) -> None:
    from skinseg.curation.unpack import unpack

    for folder in unpack(options.archives, options.out):
        print(folder)


def _data_check(options: argparse.Namespace) -> int:
    if options.names:
        from skinseg.datasets.registry import find_datasets

        print("\n".join(dataset.name for dataset in find_datasets(options.data_root)))
        return 0
    from skinseg.curation.check import run_check

    return run_check(options.data_root, options.split, options.json)


def _data_leaks(options: argparse.Namespace) -> None:
    from skinseg.curation.leaks import run_leaks

    run_leaks(options.data_root, options.out, options.split)


def _dashboard(options: argparse.Namespace) -> None:
    from skinseg import tracking
    from skinseg.reports.dashboard import create_dashboard

    print(create_dashboard(options.entity, options.project or tracking.project(), options.test_sets))


def _hardware(_: argparse.Namespace) -> None:
    print(presets.machine())


def _at_least_one(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} found, at least 1 expected")
    return value


def _tiles(text: str) -> float:
    if text == "own":
        return float("inf")
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not value >= 1:
        raise argparse.ArgumentTypeError(f"{text} found, own or a number of at least 1 expected")
    return value


def _not_negative(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} found, 0 or more expected")
    return value


if __name__ == "__main__":
    sys.exit(main())
