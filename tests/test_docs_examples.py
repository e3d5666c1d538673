"""Examples of the documentation that start processes run as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes import fake, write

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.slow
def test_processes_that_predict_are_spawned_as_the_page_says(tmp_path: Path) -> None:
    (example,) = re.findall(
        r"```python\n(from multiprocessing.*?)```", (DOCS / "export.md").read_text(), re.DOTALL
    )
    (tmp_path / "example.py").write_text(example)
    for name in ("a.jpg", "b.jpg"):
        write(tmp_path / name, fake(0, 300, 200).image)
    where = os.environ | {"PYTHONPATH": str(DOCS.parent)}
    words = [sys.executable, "example.py"]
    done = subprocess.run(
        words, cwd=tmp_path, env=where, capture_output=True, text=True, check=True, timeout=300
    )
    shares = [float(each) for each in done.stdout.strip(" []\n").split(",")]
    assert len(shares) == 2
    assert shares[0] == shares[1]
    assert 0 <= shares[0] <= 1
