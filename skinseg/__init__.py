"""skinseg: multi-task U-Net skin segmentation, from rendered humans to an IoU on photographs."""

__version__ = "0.1.0"
