#!/usr/bin/python3
"""Evaluates the speech models on the held-out set: speakers, languages, noises and rooms that are not in training.

    evaluate.py FOLDER_OF_MODELS [--data FOLDER] [--mixtures N] [--split test]

FOLDER_OF_MODELS has denoise.pt, vad.pt or both. Prints the means over the mixtures for each ratio of speech to
noise, beside those of the noisy input, a spectral gate, and the suppressors of WebRTC and Speex if installed.
"""

import argparse
import pathlib

import numpy as np
import torch

from gate import spectral_gate
from measures import miss_rate, roc_area, si_sdr_db, stoi
from mixtures import CLEAN, Mixtures
from others import suppressors
from sources import FOLDER, RATE_HZ

RATIOS_DB = (-5, 0, 5, 10, 15, CLEAN)
SECONDS = 6
SEED = 1919


def mixture(mixtures, number, snr_db, speechless=0.0):
    """The same number has the same speech, noise and room at every ratio."""
    random = np.random.default_rng([SEED, number])
    return mixtures.draw(random, SECONDS * RATE_HZ, snr_db, rms_db=-26, speechless=speechless, clipped=0)


def load(path):
    model = torch.jit.load(str(path)).eval()

    def run(wave):
        with torch.no_grad():
            return model(torch.from_numpy(wave).view(1, 1, -1)).view(-1).numpy()
    return run


def print_row(name, values, form):
    print(f'| {name} | ' + ' | '.join('-' if value is None else form.format(value) for value in values) + ' |')


def print_head(title):
    names = ['clean' if ratio == CLEAN else f'{ratio} dB' for ratio in RATIOS_DB]
    print(f'\n| {title} | ' + ' | '.join(names) + ' |\n|---|' + '---:|' * len(names))


def evaluate_denoiser(model, mixtures, count):
    methods = {'noisy input': lambda wave: wave, 'spectral gate': spectral_gate, **suppressors(), 'denoise.pt': model}
    results = {name: [] for name in methods}
    for ratio in RATIOS_DB:
        values = {name: [] for name in methods}
        for number in range(count):
            noisy, clean, _ = mixture(mixtures, number, ratio)
            for name, method in methods.items():
                output = method(noisy)
                values[name].append((si_sdr_db(output, clean), stoi(output, clean)))
        for name in methods:
            results[name].append(np.nanmean(values[name], 0))
    for column, (title, form) in enumerate((('SI-SDR, dB', '{:.1f}'), ('STOI', '{:.3f}'))):
        print_head(title)
        for name, rows in results.items():
            values = [row[column] for row in rows]
            print_row(name, [None if value > 100 else value for value in values], form)
    print_gains(results)


def print_gains(results):
    print_head('denoise.pt better by, dB')
    ours = [row[0] for row in results['denoise.pt']]
    for name in results:
        if name != 'denoise.pt':
            gains = [mine - row[0] for mine, row in zip(ours, results[name])]
            print_row(f'than {name}', [None if abs(gain) > 60 else gain for gain in gains], '{:.1f}')


def evaluate_vad(model, mixtures, count):
    rows = {'ROC area': [], 'missed at 1 % false alarms': []}
    for ratio in RATIOS_DB:
        scores, labels = [], []
        for number in range(count):
            noisy, _, active = mixture(mixtures, number, ratio, speechless=0.2)
            scores.append(model(noisy)[:len(active)])
            labels.append(active)
        scores, labels = np.concatenate(scores), np.concatenate(labels)
        rows['ROC area'].append(roc_area(scores, labels))
        rows['missed at 1 % false alarms'].append(miss_rate(scores, labels))
    print_head('vad.pt')
    for name, values in rows.items():
        print_row(name, values, '{:.3f}')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('models', type=pathlib.Path)
    parser.add_argument('--data', type=pathlib.Path, default=FOLDER)
    parser.add_argument('--mixtures', type=int, default=100)
    parser.add_argument('--split', default='test')
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    mixtures = Mixtures(arguments.data, arguments.split)
    if (arguments.models / 'denoise.pt').exists():
        evaluate_denoiser(load(arguments.models / 'denoise.pt'), mixtures, arguments.mixtures)
    if (arguments.models / 'vad.pt').exists():
        evaluate_vad(load(arguments.models / 'vad.pt'), mixtures, arguments.mixtures)


if __name__ == '__main__':
    main()
