"""TensorBoard as a person sees it: the Images tab in a headless browser."""

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
from conftest import small_model

import kerascam as kc

selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
EPOCHS = 12  # More than the ten steps that TensorBoard shows unless told otherwise.

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        BROWSER is None or DRIVER is None, reason="needs chromium and chromedriver on the PATH"
    ),
]


@pytest.fixture
def board(tmp_path):
    """Address of a TensorBoard on the log directory of a short training, or on another."""
    log_dir = os.environ.get("KERASCAM_LOG_DIR")
    if log_dir is None:
        log_dir = tmp_path / "demo"
        data = kc.datasets.shapes(8)
        model = small_model(4, size=64)
        model.compile("sgd", "sparse_categorical_crossentropy")
        logger = kc.callbacks.HeatmapLogger(log_dir, data.images, data.labels)
        model.fit(data.images, data.labels, epochs=EPOCHS, verbose=0, callbacks=[logger])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "kerascam.cli", "board", str(log_dir)]
    options = ["--host", "127.0.0.1", "--port", str(port), "--reload_interval", "1"]
    process = subprocess.Popen(
        [*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(lambda: _answers(address), 120)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture
def browser(tmp_path):
    options = selenium.ChromeOptions()
    options.binary_location = BROWSER
    for flag in [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--window-size=1600,1500",
        f"--user-data-dir={tmp_path / 'browser'}",
    ]:
        options.add_argument(flag)
    driver = selenium.Chrome(options=options, service=selenium.ChromeService(DRIVER))
    yield driver
    driver.quit()


def _answers(address):
    try:
        with urllib.request.urlopen(f"{address}/data/plugin/images/tags", timeout=5) as answer:
            return b"cam/image_1" in answer.read()
    except (urllib.error.URLError, OSError):
        return False


def _wait_for(condition, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.5)
    raise AssertionError(f"nothing after {seconds} seconds")


_FIND_IMAGES = """
function* walk(root) {
    for (const element of root.querySelectorAll("*")) {
        yield element;
        if (element.shadowRoot) yield* walk(element.shadowRoot);
    }
}
const images = [...walk(document)].filter(
    element => element.tagName === "IMG" && element.src.includes("individualImage"));
return images.map(image => {
    if (!image.complete || !image.naturalWidth) return null;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const box = image.getBoundingClientRect();
    const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
    return {width: canvas.width, height: canvas.height, shown: box.width,
            colors: new Set(Array.from({length: data.length / 4},
                (_, i) => data.slice(4 * i, 4 * i + 3).join())).size,
            source: image.src};
});
"""


def test_the_images_tab_shows_the_pictures(board, browser, tmp_path):
    browser.get(f"{board}/#images")

    def loaded():
        images = browser.execute_script(_FIND_IMAGES)
        return images if len(images) == 12 and all(images) else None

    images = _wait_for(loaded, 120)
    screenshot = os.environ.get("KERASCAM_SCREENSHOT", str(tmp_path / "board.png"))
    assert browser.save_screenshot(screenshot)
    for image in images:
        assert (image["width"], image["height"]) == (256, 256 + 50)
        assert image["shown"] > 200
        assert image["colors"] > 50
        key = image["source"].split("blob_key=")[1].split("&")[0]
        _, run, tag, *_ = json.loads(base64.urlsafe_b64decode(key + "=" * (-len(key) % 4)))
        assert run == "kerascam"
        assert tag in [f"cam/image_{index}" for index in range(4)]  # The first page.
    # All steps are there, not the ten that TensorBoard keeps by itself.
    url = f"{board}/data/plugin/images/images?tag=cam%2Fimage_0&run=kerascam&sample=1"
    with urllib.request.urlopen(url, timeout=10) as answer:
        steps = [entry["step"] for entry in json.load(answer)]
    np.testing.assert_array_equal(steps, range(EPOCHS))
