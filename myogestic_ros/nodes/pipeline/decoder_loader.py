"""Find the pipeline of a decoder by the decoder's name."""

from __future__ import annotations

from myogestic_ros.core.errors import DecoderError
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.training.decoder_file import import_decoder
from myogestic_ros.decoding.decoders.named_decoder import is_named_decoder, named_decoder

__all__ = ['find_pipeline']


def find_pipeline(decoder: str) -> Pipeline:
    """Return the pipeline of a built-in decoder, of an estimator or of a decoder file.

    Parameters
    ----------
    decoder : str
        Name of a built-in decoder (see `myogestic_ros.decoding.decoders.recipes.recipe_names`),
        import path of a scikit-learn estimator (``sklearn.svm:SVC``), or a decoder that
        `import_decoder` accepts: a ``.py`` file, a module, or the name of an entry point.

    Raises
    ------
    DecoderError
        When the decoder cannot be imported, defines no pipeline, or defines several of which
        none is named ``pipeline``.
    """
    if is_named_decoder(decoder):
        return named_decoder(decoder)
    module = import_decoder(decoder)
    pipeline = getattr(module, 'pipeline', None)
    if isinstance(pipeline, Pipeline):
        return pipeline
    pipelines = [value for value in vars(module).values() if isinstance(value, Pipeline)]
    if len(pipelines) != 1:
        raise DecoderError(
            f"Decoder '{decoder}' defines {len(pipelines)} pipelines, expected one. Name it "
            f"'pipeline': pipeline = Pipeline()."
        )
    return pipelines[0]
