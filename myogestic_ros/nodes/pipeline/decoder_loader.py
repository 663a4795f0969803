"""From the name of a decoder to its pipeline."""

from __future__ import annotations

from myogestic_ros.core.errors import DecoderError
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.training.decoder_file import import_decoder
from myogestic_ros.decoding.decoders.named_decoder import is_named_decoder, named_decoder

__all__ = ['find_pipeline']


def find_pipeline(decoder: str) -> Pipeline:
    """Return the pipeline of a built-in decoder, or import one and return the pipeline it defines.

    Parameters
    ----------
    decoder : str
        Name of a built-in decoder (`myogestic_ros.decoding.decoders.recipes.recipe_names`), import path of a
        scikit-learn estimator (``sklearn.svm:SVC``), or whatever `import_decoder` takes.

    Raises
    ------
    DecoderError
        When it cannot be imported, or defines none, or several and none called ``pipeline``.
    """
    if is_named_decoder(decoder):
        return named_decoder(decoder)
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
