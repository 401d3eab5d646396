"""Writing TensorBoard's event files: the only place that does."""

import contextlib
import os
import uuid
import weakref
from typing import ClassVar

import tensorflow as tf
from tensorboard.plugins.image import metadata as image_metadata

RUN_NAME = "kerascam"
_DESCRIPTION = (
    "Start TensorBoard with `--samples_per_plugin images=1000` (`kerascam board` does), or it "
    "shows ten steps out of all."
)


class EventWriter:
    """Writes into the run `<log_dir>/kerascam`.

    A run of its own, since two writers in one run hide each other's events. Callbacks with the same
    `log_dir` share one writer. With the last of them TensorFlow closes the file, by itself: to call
    `close` when this is collected could hang, as that may be while any function is traced.

    Use `EventWriter.open` to get one.
    """

    _shared: ClassVar[weakref.WeakValueDictionary] = weakref.WeakValueDictionary()

    def __init__(self, run_dir):
        self.had_events = bool(tf.io.gfile.glob(os.path.join(run_dir, "events.out.tfevents.*")))
        self._writer = tf.summary.create_file_writer(run_dir)
        self._groups: weakref.WeakValueDictionary = weakref.WeakValueDictionary()

    @classmethod
    def open(cls, log_dir):
        """The writer for a log directory; the directory must be writable.

        Args:
            log_dir: TensorBoard's log directory, a path.

        Raises:
            OSError: If nothing can be written there.
        """
        run_dir = os.path.join(os.fspath(log_dir), RUN_NAME)
        key = run_dir if "://" in run_dir else os.path.abspath(run_dir)
        writer = cls._shared.get(key)
        if writer is None:
            _check_writable(run_dir)
            writer = cls._shared[key] = cls(run_dir)
        return writer

    def claim(self, group, owner):
        """Keeps a group of tags for one callback.

        Args:
            group: What the tags begin with.
            owner: The callback.

        Raises:
            ValueError: If another callback has it, as one would hide the other's events.
        """
        if self._groups.setdefault(group, owner) is not owner:
            raise ValueError(
                f"Two callbacks write to the same run under the name {group!r}, and TensorBoard "
                "would show only one. Pass another `name=` to one of them."
            )

    @contextlib.contextmanager
    def at(self, step):
        """Enters the writer for one hook of a callback; what is written is on disk afterwards.

        Args:
            step: Step of all events written inside.
        """
        # Another callback may have switched summaries off for this step (`record_if`).
        with self._writer.as_default(step=step), tf.summary.record_if(True):
            yield self

    def images(self, tag, pictures, height, width):
        """Writes encoded pictures as samples of one tag."""
        values = [str(width).encode(), str(height).encode(), *pictures]
        metadata = image_metadata.create_summary_metadata(None, _DESCRIPTION)
        tf.summary.write(tag, tf.constant(values), metadata=metadata)

    def scalar(self, tag, value):
        """Writes one number."""
        tf.summary.scalar(tag, value)


def _check_writable(run_dir):
    probe = os.path.join(run_dir, f".{uuid.uuid4().hex}")
    try:
        tf.io.gfile.makedirs(run_dir)
        with tf.io.gfile.GFile(probe, "w") as file:
            file.write("")
        tf.io.gfile.remove(probe)
    except tf.errors.OpError as error:
        raise OSError(
            f"`log_dir` must be a directory that can be written. Received: {run_dir!r}, where "
            f"writing fails: {error.message}. Pass another `log_dir`."
        ) from error
