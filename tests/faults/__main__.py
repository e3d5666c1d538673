"""`make faults`: every campaign from a seed, and the counts. Exit code 1 where one was wrong or a traceback."""

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

# Before torch is imported: children are forked, which no thread of its survives.
os.environ.update(
    OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", WANDB_MODE="disabled", NO_ALBUMENTATIONS_UPDATE="1"
)


def another_disk(folder: Path) -> Path | None:
    """A folder on another disk than this one, where there is one to write to."""
    for place in map(Path, ("/dev/shm", "/tmp", "/var/tmp", Path.home())):
        if place.is_dir() and os.access(place, os.W_OK) and place.stat().st_dev != folder.stat().st_dev:
            return Path(tempfile.mkdtemp(dir=place, prefix="skinseg-faults-"))
    return None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=1000, help="mutated inputs, over all readers")
    parser.add_argument(
        "--kills", type=int, default=10, help="killed runs of each command; a third as many on two disks"
    )
    parser.add_argument(
        "--only", default="", help="mutations,hostile,kills or names of killed commands [all]"
    )
    given = parser.parse_args()

    # Children are forked with all of it imported.
    import skinseg.export.command
    import skinseg.training.command  # noqa: F401
    from skinseg.datasets import fingerprint
    from tests.faults import hostile, kills, mutations
    from tests.faults.tally import Tally

    def wanted(name: str) -> bool:
        return not given.only or name in given.only.split(",")

    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        fingerprint.DIGESTS = root / "digests"
        other = another_disk(root)
        place = root / "kills"
        chosen = set(kills.NAMES if wanted("kills") else given.only.split(","))
        every = kills.deeds(place / "given") if chosen & set(kills.NAMES) else []
        named = [deed for deed in every if deed.name in chosen]
        kills.run(place, tally, given.seed, given.kills, named, other)
        if other is not None:
            shutil.rmtree(other)
        with (
            open(os.devnull, "w") as nowhere,
            contextlib.redirect_stdout(nowhere),
            contextlib.redirect_stderr(nowhere),
        ):
            if wanted("hostile"):
                hostile.run(root / "hostile", tally)
            if wanted("mutations"):
                mutations.run(root / "mutations", tally, given.seed, given.count)
    for note in tally.notes:
        print(f"- {note}")
    print(tally.table())
    return 1 if tally.bad else 0


if __name__ == "__main__":
    sys.exit(main())
