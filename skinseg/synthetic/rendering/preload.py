"""What the fork server imports before it forks lanes, so that they share one body model in memory."""

import contextlib

# What fails here fails again in the lane that needs it, where somebody hears of it.
with contextlib.suppress(Exception):
    import torch

    from skinseg.synthetic.body.anatomy import body_model
    from skinseg.synthetic.draw import scene  # noqa: F401
    from skinseg.synthetic.rendering import develop, figure  # noqa: F401

    torch.set_num_threads(1)  # a thread pool would not survive the fork
    body_model()
