"""The pipeline of a script or decoder file, which can run as the pipeline node."""

from __future__ import annotations

from myogestic_ros.core.pipeline.pipeline import Pipeline as CorePipeline
from myogestic_ros.core.training.decoder_file import is_importing

__all__ = ['Pipeline']


class Pipeline(CorePipeline):
    """Train and predict with the callbacks of a decoder; `spin` runs the pipeline as a ROS node.

    Parameters and methods are those of `myogestic_ros.core.pipeline.pipeline.Pipeline`.

    Examples
    --------
    >>> from myogestic_ros import Pipeline, TrainingData
    >>> pipeline = Pipeline(predict_hz=50.0)
    >>> @pipeline.extract
    ... def extract(windows):
    ...     return windows['emg'].std(axis=1)
    >>> if __name__ == '__main__':
    ...     raise SystemExit(pipeline.spin())  # doctest: +SKIP
    """

    def spin(self, args: list[str] | None = None) -> int:
        """Run the pipeline node with this pipeline until it is interrupted.

        While the file is imported as a decoder (by the node, by ``myogestic train``, or by the
        training process), this returns 0 at once: a script works without a guard around it.

        Parameters
        ----------
        args : list of str, optional
            Command line, including ROS arguments; ``sys.argv`` by default.

        Returns
        -------
        int
            Exit code.
        """
        if is_importing():
            return 0
        from myogestic_ros.nodes.common.main import run
        from myogestic_ros.nodes.pipeline.node import PipelineNode

        return run(lambda **kwargs: PipelineNode(self, **kwargs), args)
