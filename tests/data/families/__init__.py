"""Small nets with the structure of published ones, one family per file."""

from . import (
    stacks, tcn, wavenet, hifigan, seanet, demucs, tasnet, recurrent, spectral, vad, resampling,
    pools, bigvgan, transformer, python_idioms, python_contexts, overlap_add)

FAMILIES = {module.__name__.split('.')[-1]: module.MODELS for module in (
    stacks, tcn, wavenet, hifigan, seanet, demucs, tasnet, recurrent, spectral, vad, resampling,
    pools, bigvgan, transformer, python_idioms, python_contexts, overlap_add)}
