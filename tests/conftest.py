"""What every test needs: no network, no waiting threads, no test that depends on the clock."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# Before torch, albumentations, wandb or a hub client is imported, here or in a child process.
os.environ.update(
    HF_HUB_OFFLINE="1",
    NO_ALBUMENTATIONS_UPDATE="1",
    OMP_NUM_THREADS="1",
    OMP_WAIT_POLICY="PASSIVE",
    WANDB_MODE="offline",
    WANDB_SILENT="true",
)

settings.register_profile("skinseg", deadline=None)
settings.register_profile("fast", deadline=None, max_examples=20)  # of `make test-fast`
settings.load_profile("skinseg")


@pytest.fixture(scope="session", autouse=True)
def _digests_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Digests of files that are soon gone are not kept in the developer's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skinseg.datasets.fingerprint.DIGESTS", tmp_path_factory.mktemp("cache") / "digests")
        yield
