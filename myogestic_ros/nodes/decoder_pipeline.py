"""From the name of a decoder to the pipeline that it defines."""

from __future__ import annotations

from myogestic_ros.core.decoder_file import import_decoder
from myogestic_ros.core.errors import DecoderError
from myogestic_ros.core.pipeline import Pipeline

__all__ = ['find_pipeline']


def find_pipeline(decoder: str) -> Pipeline:
    """Import a decoder and return the pipeline it defines.

    Raises
    ------
    DecoderError
        When it cannot be imported, or defines none, or several and none called ``pipeline``.
    """
    module = import_decoder(decoder)
    named = getattr(module, 'pipeline', None)
    if isinstance(named, Pipeline):
        return named
    found = [value for value in vars(module).values() if isinstance(value, Pipeline)]
    if len(found) != 1:
        raise DecoderError(
            f"Decoder '{decoder}' defines {len(found)} pipelines; expected one, best named "
            f"'pipeline': pipeline = Pipeline()."
        )
    return found[0]
