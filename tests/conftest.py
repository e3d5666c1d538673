"""What every test needs: no network, no waiting threads, no test that depends on the clock."""

import os

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
settings.load_profile("skinseg")
