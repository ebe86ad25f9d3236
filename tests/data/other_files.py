"""Files that users pass by mistake instead of a TorchScript file, and models with unusual content.

make_others() writes them into a folder. tests/lib/support/file_cases.h contains the error of each.
"""

import zipfile

import torch
import torch.nn as nn
from torch.utils.mobile_optimizer import optimize_for_mobile


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 4, 3, padding=1)
        self.mix = nn.Linear(4, 1)

    def forward(self, x):
        return self.mix(self.conv(x).relu().transpose(1, 2)).transpose(1, 2)


class NoForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 4, 3)

    @torch.jit.export
    def encode(self, x, rate: int = 3):
        return self.conv(x)

    @torch.jit.export
    def decode(self, x):
        return x * 2


class Prints(nn.Module):
    def forward(self, x):
        print('it prints')
        return x * 2


class Phase(nn.Module):
    """A growing phase, whose float32 error grows too: the sine is wrong by about 1e-5."""

    def forward(self, x):
        return torch.sin(torch.cumsum(x, -1) * 6.28)


class Raises(nn.Module):
    def forward(self, x):
        if x.shape[-1] < 100000:
            raise ValueError('it needs 100000 frames, not ' + str(x.shape[-1]))
        return x * 2


def make_pickles(folder, net):
    torch.save(net.state_dict(), folder / 'state_dictionary.pt')
    torch.save(net.state_dict(), folder / 'protocol_4.pt', pickle_protocol=4)
    torch.save({'epoch': 3, 'model': net.state_dict()}, folder / 'checkpoint.pt')
    torch.save(nn.Sequential(net.conv), folder / 'module.pt')
    torch.save(torch.zeros(3), folder / 'tensor.pt')
    for name, value in {'state_dictionary': net.state_dict(),
                        'module': nn.Sequential(nn.Conv1d(1, 1, 1))}.items():
        torch.save(value, folder / f'old_{name}.pt', _use_new_zipfile_serialization=False)


def edit_code(source, target, edit):
    """Copies an archive. `edit` returns the new TorchScript source, or None to remove it."""
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(target, 'w') as copy:
        for name in archive.namelist():
            content = archive.read(name)
            if name.endswith('.debug_pkl'):  # lines of the source before the edit
                continue
            if '/code/' in name:
                content = edit(content.decode())
            if content is not None:
                copy.writestr(name, content)


def quantised(net):
    engines = [e for e in torch.backends.quantized.supported_engines if e != 'none']
    torch.backends.quantized.engine = engines[0]
    return torch.quantization.quantize_dynamic(net, {nn.Linear}, dtype=torch.qint8)


def make_mobile(folder, net):
    script = torch.jit.script(net)
    script._save_for_lite_interpreter(str(folder / 'with_code.ptl'))
    edit_code(folder / 'with_code.ptl', folder / 'bytecode.ptl', lambda code: None)
    script._save_for_lite_interpreter(str(folder / 'flatbuffer.ptl'), _use_flatbuffer=True)
    with torch.jit.optimized_execution(True):
        optimize_for_mobile(script).save(str(folder / 'optimized.pt'))
    torch.jit.script(quantised(net)).save(str(folder / 'quantised.pt'))


def make_archives(folder):
    """Archives with the entries that identify their kind."""
    for name, entries in {
            'compiled.pt2': ['archive_format', 'data/aotinductor/model/model.wrapper.so'],
            'unfinished.pt2': ['archive_format', 'data/weights/weight_0'],
            'pictures.zip': ['a.png', 'b.png']}.items():
        with zipfile.ZipFile(folder / name, 'w') as archive:
            for entry in entries:
                archive.writestr(f'name/{entry}', 'content')


def make_others(folder):
    folder.mkdir(exist_ok=True)
    net = Net().eval()
    make_pickles(folder, net)
    make_mobile(folder, net)
    make_archives(folder)
    torch.jit.script(NoForward().eval()).save(str(folder / 'no_forward.pt'))
    torch.jit.script(Prints().eval()).save(str(folder / 'prints.pt'))
    torch.jit.script(nn.Conv1d(1, 1, 3, padding=1).half().eval()).save(str(folder / 'half.pt'))
    torch.jit.script(Phase().eval()).save(str(folder / 'phase.pt'))
    torch.jit.script(Raises().eval()).save(str(folder / 'raises.pt'))
    for name, call in {'operator': 'torch.not_there(x, 2)', 'argument': 'torch.mul(x, 2, 3)'}.items():
        edit_code(folder / 'prints.pt', folder / f'unknown_{name}.pt',
                  lambda code: code.replace('torch.mul(x, 2)', call))
