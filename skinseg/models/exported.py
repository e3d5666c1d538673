"""The names of the files that `skinseg export` writes into a folder."""

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
ONNX = "model.onnx"
