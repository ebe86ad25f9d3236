#!/usr/bin/python3
"""Trains a speech model, and continues if its checkpoint exists.

    train.py denoise|vad CHECKPOINT [--minutes M] [--steps N] [--data FOLDER]

The checkpoint is written every 5 minutes, with the best state on the validation set beside the last one.
"""

import argparse
import pathlib
import time

import torch

from mixtures import Mixtures, draw_batch
from networks import HOP, NETWORKS, SAMPLE_RATE_HZ
from sources import FOLDER

SEED = 19
SECONDS = 3
SETTINGS = {  # mixtures in a batch, steps, peak learning rate, mixtures without speech
    'denoise': dict(batch=24, steps=7000, rate=2e-3, speechless=0.04),
    'vad': dict(batch=24, steps=2500, rate=3e-3, speechless=0.3),
}
VALIDATION = 96  # mixtures


def denoise_loss(output, clean, noisy):
    """Logarithm of the error's energy in relation to that of the speech, of at least -30 dB, and the error of the
    compressed magnitudes."""
    error = (output - clean).square().mean(1)
    size = clean.square().mean(1) + 1e-3 * noisy.square().mean(1) + 1e-8
    ratio_db = 10 * torch.log10((error + 1e-3 * size) / size)
    scale = noisy.square().mean(1, keepdim=True).sqrt() + 1e-4
    spectra = [compressed(wave / scale) for wave in (output, clean)]
    return ratio_db.mean() + 20 * (spectra[0] - spectra[1]).square().mean()


def compressed(wave):
    spectrum = torch.stft(wave, 512, 256, window=torch.hann_window(512), return_complex=True)
    return (spectrum.real.square() + spectrum.imag.square() + 1e-5) ** 0.15


def vad_loss(output, active):
    return torch.nn.functional.binary_cross_entropy(output[:, :active.shape[1]], active)


class Batches(torch.utils.data.IterableDataset):
    def __init__(self, folder, split, settings, first, last):
        self.arguments = folder, split, settings, first, last

    def __iter__(self):
        folder, split, settings, first, last = self.arguments
        mixtures = Mixtures(folder, split)
        for step in range(first, last):
            seed = SEED if split == 'train' else SEED + 1
            yield draw_batch(mixtures, seed, step, settings['batch'], SECONDS * SAMPLE_RATE_HZ,
                             settings['speechless'])


class Training:
    def __init__(self, task, path, steps, folder):
        self.task, self.path, self.folder = task, path, folder
        self.settings = dict(SETTINGS[task])
        self.steps = steps or self.settings['steps']
        torch.manual_seed(SEED)
        self.network = NETWORKS[task]()
        self.optimizer = torch.optim.Adam(self.network.parameters(), self.settings['rate'])
        self.step, self.best, self.best_state = 0, float('inf'), None
        if path.exists():
            self.restore()

    def restore(self):
        saved = torch.load(self.path)
        self.network.load_state_dict(saved['state'])
        self.optimizer.load_state_dict(saved['optimizer'])
        self.step, self.best, self.best_state = saved['step'], saved['best'], saved['best_state']

    def save(self):
        loss = self.validate()
        if loss < self.best:
            self.best = loss
            self.best_state = {name: value.clone() for name, value in self.network.state_dict().items()}
        temporary = self.path.with_suffix('.part')
        torch.save({'task': self.task, 'state': self.network.state_dict(), 'step': self.step, 'best': self.best,
                    'optimizer': self.optimizer.state_dict(), 'best_state': self.best_state}, temporary)
        temporary.replace(self.path)
        print(f'step {self.step}: validation {loss:.3f}, best {self.best:.3f}', flush=True)

    def loss(self, noisy, clean, active):
        output = self.network(noisy.unsqueeze(1)).squeeze(1)
        return vad_loss(output, active) if self.task == 'vad' else denoise_loss(output, clean, noisy)

    def validate(self):
        settings = dict(self.settings, batch=VALIDATION // 8)
        with torch.no_grad():
            losses = [self.loss(*map(torch.from_numpy, batch))
                      for batch in Batches(self.folder, 'valid', settings, 0, 8)]
        return float(sum(losses) / len(losses))

    def learning_rate(self):
        """Rises in 300 steps, stays, and falls to nothing in the last half (a trapezoid)."""
        fall = min(1, 2 * (self.steps - self.step) / self.steps)
        return self.settings['rate'] * min(1, (self.step + 1) / 300) * max(fall, 0.01)

    def run(self, minutes):
        start = saved = time.monotonic()
        batches = torch.utils.data.DataLoader(
            Batches(self.folder, 'train', self.settings, self.step, self.steps), batch_size=None, num_workers=1)
        total = 0
        for batch in batches:
            for group in self.optimizer.param_groups:
                group['lr'] = self.learning_rate()
            loss = self.loss(*batch)
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0 if self.task == 'vad' else 5.0)
            self.optimizer.step()
            self.step += 1
            total += float(loss)
            now = time.monotonic()
            if self.step % 50 == 0:
                print(f'step {self.step}: loss {total / 50:.3f}, CPU {time.process_time():.0f} s, '
                      f'{now - start:.0f} s', flush=True)
                total = 0
            if now - saved > 300:
                self.save()
                saved = time.monotonic()
            if now - start > 60 * minutes:
                break
        self.save()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('task', choices=SETTINGS)
    parser.add_argument('checkpoint', type=pathlib.Path)
    parser.add_argument('--minutes', type=float, default=float('inf'))
    parser.add_argument('--steps', type=int)
    parser.add_argument('--data', type=pathlib.Path, default=FOLDER)
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    Training(arguments.task, arguments.checkpoint, arguments.steps, arguments.data).run(arguments.minutes)


if __name__ == '__main__':
    main()
