"""The progress bar of long work."""

import time

import keras

from kerascam.backend import keras_internals

_SECONDS_WITHOUT_PROGRESS_BAR = 2.0


class Progress:
    """Shows Keras's progress bar, also from inside a compiled loop over samples.

    Args:
        num_images: Number of images in all.
        verbose: 0 shows nothing, 1 or 2 a bar, `"auto"` a bar if the work takes longer than
            a few seconds.
    """

    def __init__(self, num_images, verbose):
        if verbose not in (0, 1, 2, "auto"):
            raise ValueError(f'`verbose` must be 0, 1, 2 or "auto". Received: verbose={verbose!r}.')
        self._num_images = num_images
        self._verbose = verbose
        self._begun = time.monotonic()
        self._done = self._batch = 0
        self._samples = 1
        self._bar = None

    def begin(self, batch):
        """A batch of so many images is begun."""
        self._batch = batch

    def report(self, done, count):
        """So many samples of `count` are done for each image of the batch."""
        self._samples = int(count)
        self._show(self._done * self._samples + self._batch * int(done))

    def end(self):
        """The batch is done."""
        self._done += self._batch
        self._show(self._done * self._samples)

    def _show(self, current):
        target = self._num_images * self._samples
        late = time.monotonic() - self._begun > _SECONDS_WITHOUT_PROGRESS_BAR
        wanted = self._verbose in (1, 2) or (self._verbose == "auto" and late and current < target)
        if self._bar is None and wanted:
            self._bar = keras.utils.Progbar(target, unit_name="pass")
        # Work with several loops shows one of them; the bar ends once.
        if self._bar is None:
            return
        if keras_internals.progress_shown(self._bar) < current <= self._bar.target:
            self._bar.update(current)
