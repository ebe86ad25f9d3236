"""Exports models with torch.export, and stores what they compute.

    export_models.py list              prints the names of the families
    export_models.py FAMILY FOLDER     the models of a family of families/
    export_models.py fixtures FOLDER   the modules of exported_models.py

Models that the folder contains are not exported again. NAME.pt2 is the program, NAME.expected.pt a
dictionary of tensors: `N.signal`, `N.output.I` (output I for signal N, computed in float64 where the
module can) and `N.error` (the largest error of the outputs in the module's own type). `N.differs` is
there if the exported program does not compute what the module does: torch.export limits some programs
to lengths near that of its example. The outputs are then those of the program; there are none if it
raises an exception. If torch cannot export a model, its name and the reason are printed; for families,
NAME.failed contains the reason, and the model is not tried again.
"""

import copy
import pathlib
import sys
import warnings

sys.dont_write_bytecode = True  # nothing is written beside the sources

import torch
import torch.nn as nn
from torch.utils import _pytree

from exported_models import MODELS, Exported
from families.model import energise, randomise


def tensors(value):
    return [leaf for leaf in _pytree.tree_leaves(value) if isinstance(leaf, torch.Tensor)]


def run(module, signal, arguments):
    return tensors(copy.deepcopy(module)(signal.clone(), *arguments))


def exact(module, signal, arguments):
    """Returns the outputs in float64 if the module can, and those in its own type."""
    own = run(module, signal, arguments)
    try:
        return run(copy.deepcopy(module).double(), signal.double(), arguments), own
    except RuntimeError:  # it has a type of its own
        return own, own


def difference(a, b):
    return (a - b).abs().max().item() if a.numel() else 0.0


def export(module, model, signal):
    axis = (model.shape or (1, 1, -1)).index(-1)
    time = torch.export.Dim.AUTO if model.time == 'auto' else model.time
    dynamic = [None if time is None else {axis: time}]
    dynamic += [None] * len(model.arguments)
    program = torch.export.export(copy.deepcopy(module), (signal, *model.arguments),
                                  dynamic_shapes=tuple(dynamic), strict=False)
    return program.run_decompositions() if model.core else program


def outputs_of_program(program, signal, arguments):
    try:
        return tensors(program(signal.clone(), *arguments))
    except RuntimeError:
        return []


def sizes(outputs):
    return [output.shape for output in outputs]


# NAME.expected.pt is written last: a model without it is exported again. A program of torch 2.14 whose
# guards accept only the length of its example raises AssertionError: it is not stored.
def store(folder, name, module, model):
    signals = [model.signal(frames) for frames in model.frames]
    file = str(folder / f'{name}.pt2')
    torch.export.save(export(module, model, signals[0]), file)
    program = torch.export.load(file).module()
    expected = {}
    for n, signal in enumerate(signals):
        outputs, own = exact(module, signal, model.arguments)
        expected[f'{n}.signal'] = signal
        expected[f'{n}.error'] = torch.tensor(max(difference(a, b) for a, b in zip(own, outputs)))
        exported = outputs_of_program(program, signal, model.arguments)
        if sizes(exported) != sizes(outputs):
            expected[f'{n}.differs'] = torch.tensor(True)
            outputs = exported
        for i, output in enumerate(outputs):
            expected[f'{n}.output.{i}'] = output.detach().contiguous()
    torch.save(expected, str(folder / f'{name}.expected.pt'))


def make(folder, name, model):
    torch.manual_seed(sum(map(ord, name)))
    module = model.build().eval()
    randomise(module)
    with torch.no_grad():
        store(folder, name, module, model)


def family_models(family):
    """The models of a family, as the training graph and as core ATen operators."""
    from families import FAMILIES
    for name, model in FAMILIES[family].items():
        frames = tuple(n // model.multiple * model.multiple for n in (601, 778))
        shape = {3: (1, model.channels, -1), 2: (model.channels, -1), 1: (-1,)}[model.rank]

        def build(model=model):
            module = model.build().eval()
            energise(module)
            return module.to(model.dtype)
        # torch exports recurrent layers for one length, and core ATen has an operator for each step.
        is_recurrent = any(isinstance(m, nn.RNNBase) for m in build().modules())
        for core in (False,) if is_recurrent else (False, True):
            yield f'{name}.core' if core else name, Exported(
                build, frames=frames, core=core, shape=shape, dtype=model.dtype,
                time=None if is_recurrent else 'auto')


def main(family, folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    models = MODELS.items() if family == 'fixtures' else family_models(family)
    for name, model in models:
        failure = folder / f'{name}.failed'
        if (folder / f'{name}.expected.pt').exists() or failure.exists():
            continue
        try:
            make(folder, name, model)
        except Exception as error:  # whatever torch.export cannot do
            (folder / f'{name}.pt2').unlink(missing_ok=True)
            reason = f'{type(error).__name__}: {str(error).splitlines()[0][:150]}'
            print(f'{name}: {reason}')
            if family != 'fixtures':
                failure.write_text(f'{reason}\n')


if __name__ == '__main__':
    warnings.filterwarnings('ignore')
    if sys.argv[1:] == ['list']:
        from families import FAMILIES
        print('fixtures', *FAMILIES, sep='\n')
    else:
        main(*sys.argv[1:])
