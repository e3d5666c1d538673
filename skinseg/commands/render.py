"""`skinseg render`. Not in synthetic/, whose files decide what a rendered set is."""

import os
import signal
import time
from pathlib import Path
from typing import NoReturn

from skinseg.commands.parser import AtLeastOne, NotNegative
from skinseg.errors import UserError
from skinseg.presets import config_file
from skinseg.records import check_plain


def render(
    *,
    config: str | None = None,
    scenes: Path | None = None,
    count: AtLeastOne | None = None,
    seed: NotNegative | None = None,
    out: Path | None = None,
    verify: Path | None = None,
    backgrounds: Path | None = None,
    workers: AtLeastOne | None = None,
    scheduler: str | None = None,
    wandb: bool | None = None,
) -> None:
    """Render people with exact masks, or check a set of them.

    A frame is a function of (settings, seed, index): the same whatever the number of workers. Killed at any moment,
    the same command goes on; a larger --count extends the set.

    Args:
        config (YAML): generator settings: mixed, faces, portraits, torsos, full_body, hands, neutral, or a file [mixed]
        scenes (FILE): render these, as `probe` and sets have them
        count (N): frames in the set [all of --scenes]
        seed (S): [0]
        out (DIR): the set's folder; goes on there
        verify (DIR): instead: check every file of a set, render damaged ones again
        backgrounds (DIR): your photographs, for walls [textures only]
        workers (W): processes [one per core]
        scheduler (ADDRESS): render on a dask cluster, tcp://host:8786 [this machine]
        wandb: log a Weights & Biases run [where you have a key; --wandb without one logs offline]

    Example:
        skinseg render --count 400 --out rendered/default
    """
    if (out is None) == (verify is None):
        found = "neither" if out is None else "both"
        raise UserError(f"{found} of --out and --verify given, expected one; name the set's folder")
    if verify is not None:
        options = {"config": config, "count": count, "seed": seed, "scenes": scenes}
        given = [f"--{name}" for name, value in options.items() if value is not None]
        if given:
            raise UserError(
                f"--verify with {', '.join(given)}: expected neither, a set is checked against its own "
                "generator.yaml; leave them out"
            )
    elif scenes is not None and (config or seed is not None):
        raise UserError(
            "--scenes with --config or --seed: expected neither, a given scene is complete; leave them out"
        )
    elif count is None and scenes is None:
        raise UserError("--count is missing, expected the number of frames in the set; give --count 400")
    settings = config_file(config, "render") if config else None
    if settings is not None:
        check_plain(settings, "--config")
    workers = workers or os.cpu_count() or 1

    from skinseg import tracking
    from skinseg.synthetic.config import GeneratorConfig
    from skinseg.synthetic.rendering.renderer import render_scenes, render_set, verify_set
    from skinseg.synthetic.rendering.scene_list import read_scenes

    photos = None
    if backgrounds:
        from skinseg.synthetic.room.backgrounds import find_photos

        photos = find_photos(backgrounds.resolve())
    if verify is not None:
        checked = verify_set(verify, workers, photos=photos, scheduler=scheduler)
        for flaw in checked.damaged.values():
            print(f"rendered again: {flaw}")
        print(f"{checked.out}: {checked.frames} frames, {len(checked.damaged)} of them were damaged")
        if checked.different:
            print(
                f"{len(checked.different)} of those have other pixels than at first, as another machine or "
                "Blender gives them; their masks are exact all the same"
            )
        return
    assert out is not None
    tracked = tracking.is_wanted(wandb)
    began = time.monotonic()
    # What ends a cluster's job, or one in the background: the set still gets its table and its data card.
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        if scenes is not None:
            given_scenes = read_scenes(scenes)[:count]
            report = render_scenes(given_scenes, workers, out, photos=photos, scheduler=scheduler)
        else:
            assert count is not None
            generator = GeneratorConfig.load(settings) if settings else GeneratorConfig()
            report = render_set(generator, count, seed or 0, workers, out, photos=photos, scheduler=scheduler)
    finally:
        signal.signal(signal.SIGTERM, before)
    print(
        f"{report.out}: {report.frames} frames, {report.rendered} of them new; re-drawn for too little skin: "
        f"{report.redrawn}; workers restarted: {report.restarts}; look at {report.out / 'contact_sheet.jpg'}"
    )
    if tracked:
        counts = {"frames": report.frames, "rendered": report.rendered, "redrawn": report.redrawn}
        tracking.log_set(report.out, counts | {"seconds": round(time.monotonic() - began, 1)})


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt
