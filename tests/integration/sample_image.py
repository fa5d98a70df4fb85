"""Gives an engine the sample image (images/sample)."""

import pathlib
import subprocess
import tempfile

IMAGES = pathlib.Path(__file__).resolve().parents[2] / "images"


def push_and_pull_sample(engine):
    """Through its own registry; the image's name."""
    image = f"{engine.registry}/sample:latest"
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([IMAGES / "sample/build", folder], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([IMAGES / "push", folder, image], check=True, stdout=subprocess.DEVNULL)
    if said := engine.client.pull(image):
        raise RuntimeError(f"the pull failed: {said}")
    return image
