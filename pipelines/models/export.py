#!/usr/bin/python3
"""Writes the best state of a checkpoint of train.py as a model file with its settings.

    export.py CHECKPOINT MODEL.pt
    export.py CHECKPOINT MODEL.pt2     with torch of 2.14, which exports Fourier transforms
"""

import json
import os
import pathlib
import sys
import types

import torch

SETTINGS = {
    'denoise': dict(name='Speech denoiser', description='Removes noise from speech; look-ahead 20 ms'),
    'vad': dict(name='Voice activity detector', description='Probability of speech for every 10 ms'),
}


def networks():
    """Imports networks.py so that model files name it without its folder."""
    os.chdir(pathlib.Path(__file__).resolve().parent)
    module = types.ModuleType('networks')
    module.__file__ = 'networks.py'
    sys.modules['networks'] = module
    exec(compile(pathlib.Path('networks.py').read_text(), 'networks.py', 'exec'), module.__dict__)
    return module


def main(checkpoint, path):
    saved, path = torch.load(checkpoint), pathlib.Path(path).absolute()
    module = networks()
    network = module.NETWORKS[saved['task']]().eval()
    network.load_state_dict(saved['best_state'])
    settings = dict(SETTINGS[saved['task']], license='MIT', sample_rate=module.SAMPLE_RATE_HZ)
    files = {'torchstreamer.json': json.dumps(settings)}
    if path.suffix == '.pt2':
        # Without dynamic_shapes, because torch limits recurrent layers to one length with them. The length is a
        # multiple of the hop, so that the graph does not contain it.
        program = torch.export.export(network, (torch.zeros(1, 1, 100 * module.HOP),))
        torch.export.save(program, str(path), extra_files=files)
    else:
        torch.jit.save(torch.jit.script(network), str(path), _extra_files=files)


if __name__ == '__main__':
    main(*sys.argv[1:])
