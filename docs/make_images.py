"""Makes the pictures of the README: `python docs/make_images.py`, with Chromium installed."""

import os
import pathlib
import subprocess
import sys
import tempfile

import cv2

from kerascam.demo import run_demo

IMAGES = pathlib.Path(__file__).parent / "images"


def main():
    with tempfile.TemporaryDirectory() as folder:
        run_demo(log_dir=folder)
        strip = cv2.imread(f"{folder}/strip.png")
        screenshot = f"{folder}/board.png"
        subprocess.run(
            [sys.executable, "-m", "pytest", "-n", "0", "tests/test_board.py"],
            cwd=IMAGES.parents[1],
            env={**os.environ, "KERASCAM_SCREENSHOT": screenshot, "KERASCAM_LOG_DIR": folder},
            check=True,
        )
        board = cv2.imread(screenshot)[:1080]
    IMAGES.mkdir(exist_ok=True)
    cv2.imwrite(str(IMAGES / "demo.jpg"), strip, [cv2.IMWRITE_JPEG_QUALITY, 85])
    cv2.imwrite(str(IMAGES / "board.jpg"), board, [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()
