"""What all callbacks that write to TensorBoard share."""

import abc
import contextlib
import operator
import warnings
from typing import Any

import keras
import numpy as np

from kerascam.callbacks.summary import EventWriter


class SummaryCallback(keras.callbacks.Callback):
    """Writes to TensorBoard at chosen steps, and never costs a training run.

    What can be wrong is checked when training begins. What fails later is reported once, by a
    warning, and switches the callback off until the next `fit`. Only the chief writes under
    `tf.distribute`.

    Args:
        log_dir: TensorBoard's log directory; events go to its run `kerascam`. `None` for a callback
            that writes none.
        update_freq: `"epoch"`, or an integer to write each time so many batches are done. Epochs
            count from 0 and batches as `optimizer.iterations` does, going on where an earlier
            `fit` ended.
        on_error: `"warn"`, or `"raise"` to stop the training.
    """

    runs_everywhere = False
    """Whether there is work to do on workers that write nothing, too."""

    def __init__(self, log_dir, update_freq="epoch", on_error="warn"):
        super().__init__()
        is_count = isinstance(update_freq, int) and not isinstance(update_freq, bool)
        if update_freq != "epoch" and not (is_count and update_freq > 0):
            raise ValueError(
                '`update_freq` must be "epoch" or a positive number of batches. Received: '
                f"update_freq={update_freq!r}."
            )
        if on_error not in ("warn", "raise"):
            raise ValueError(
                f'`on_error` must be "warn" or "raise". Received: on_error={on_error!r}.'
            )
        self.log_dir = log_dir
        self.update_freq = update_freq
        self.on_error = on_error
        self._writer: Any = None
        self._is_on = False
        self._last_step = None
        self._offset = None
        self._iterations = 0
        self._group = ""
        self._built_for: list = []

    @abc.abstractmethod
    def build(self):
        """Checks everything for a new model and tries it once; returns what its tags begin with."""

    @abc.abstractmethod
    def write(self, writer):
        """Does the work of one step, and writes it to an `EventWriter`, or `None`."""

    def finish(self, writer):
        """Writes what is to be written when training has ended, as `write`."""

    def prepare(self):
        """Calls `build`, unless that was done for this model; returns what its tags begin with."""
        if not _same(self._built_for, _state(self.model)):
            self._group = self.build()
            self._built_for = _state(self.model)
        return self._group

    def on_train_begin(self, logs=None):
        """Checks everything and opens the event file."""
        self._is_on = self.runs_everywhere or _is_chief(self.model)
        if not self._is_on:
            return
        group = self.prepare()
        if self.log_dir is not None and _is_chief(self.model):
            self._writer = EventWriter.open(self.log_dir)
            self._writer.claim(group, self)
        self._offset = None
        if self.update_freq != "epoch":
            self._iterations = self._count_iterations()

    def on_epoch_end(self, epoch, logs=None):
        """Writes if `update_freq` is `"epoch"`."""
        if self.update_freq == "epoch":
            self._log(epoch)

    def on_train_batch_end(self, batch, logs=None):
        """Writes if the count of batches has passed a multiple of `update_freq`."""
        if self.update_freq == "epoch" or not self._is_on:
            return
        # A step may do several batches (`steps_per_execution`), so none may hit the multiple.
        before, self._iterations = self._iterations, self._count_iterations()
        if self._iterations // self.update_freq > before // self.update_freq:
            self._log(self._iterations)

    def on_train_end(self, logs=None):
        """Writes what is written last, and lets go of the event file."""
        if self._offset is not None:  # Something was written in this `fit`.
            self._write(self.finish)
        self._writer = None

    def _log(self, step):
        if self._is_on:
            self._choose_offset(step)
            self._last_step = step + self._offset
            self._write(self.write)

    def _write(self, function):
        try:
            with self._at(self._last_step) as writer:
                function(writer)
        except Exception as error:
            if self._is_on or self.on_error == "raise":  # Else what failed first was reported.
                self._report(error, "is switched off for the rest of this training, which goes on")
            self._is_on = False

    def _report(self, error, consequence):
        """Raises an error again, or makes a warning of it."""
        if self.on_error == "raise":
            raise error
        warnings.warn(
            f"{type(self).__name__} failed and {consequence}: {type(error).__name__}: {error}",
            stacklevel=4,
        )

    def _at(self, step):
        return contextlib.nullcontext() if self._writer is None else self._writer.at(step)

    def _choose_offset(self, step):
        """At the first step of a `fit`: goes on after the last, as a step back hides events."""
        if self._offset is not None:
            return
        if self._last_step is not None:
            self._offset = max(0, self._last_step + 1 - step)
            return
        self._offset = 0
        begins_anew = step == 0 if self.update_freq == "epoch" else step < 2 * self.update_freq
        if self._writer is not None and self._writer.had_events and begins_anew:
            warnings.warn(
                f"The run '{self.log_dir}' has events of an earlier training. TensorBoard hides "
                "these as this one begins at the first step again. Pass a new `log_dir` for each "
                "training.",
                stacklevel=2,
            )

    def _count_iterations(self):
        return int(np.asarray(self.model.optimizer.iterations))


def _state(model):
    """What changes when a layer is added or taken away, or weights become others (LoRA)."""
    return [*(getattr(model, "outputs", None) or []), *model.weights]


def _same(first, second):
    """Whether two lists hold the same objects, and any."""
    return len(first) == len(second) > 0 and all(map(operator.is_, first, second))


def _is_chief(model):
    strategy = getattr(model, "distribute_strategy", None)
    return getattr(getattr(strategy, "extended", None), "should_save_summary", True)
