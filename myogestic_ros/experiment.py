"""The pipeline as a script sees it: one that can become a node."""

from __future__ import annotations

from myogestic_ros.core.pipeline.pipeline import Pipeline as CorePipeline

__all__ = ['Pipeline']


class Pipeline(CorePipeline):
    """`myogestic_ros.core.pipeline.pipeline.Pipeline`, which can also become the pipeline node."""

    def spin(self, args: list[str] | None = None) -> int:
        """Run as the pipeline node until interrupted; return its exit code.

        Parameters
        ----------
        args : list of str, optional
            Command line, ROS arguments included; ``sys.argv`` by default.
        """
        from myogestic_ros.nodes.common.main import run
        from myogestic_ros.nodes.pipeline.node import PipelineNode

        return run(lambda **kwargs: PipelineNode(self, **kwargs), args)
