"""Impulse responses of rooms by the image method (Allen and Berkley, https://doi.org/10.1121/1.382599)."""

import numpy as np

RATE_HZ = 16000
SPEED_M_PER_S = 343
LENGTH = 4800  # 0.3 s


def image_positions(source, room, order):
    """Positions of the images of a source in a room of size [3], and how many walls each was reflected by."""
    index = np.stack(np.meshgrid(*[np.arange(-order, order + 1)] * 3, indexing='ij'), -1).reshape(-1, 3)
    even = index % 2 == 0
    positions = np.where(even, index * room + source, index * room + room - source)
    return positions, np.abs(index).sum(1)


def impulse_response(room, source, microphone, absorption, order=8):
    """Impulse response with energy 1, which begins with the direct sound."""
    positions, walls = image_positions(source, room, order)
    distance = np.linalg.norm(positions - microphone, axis=1)
    delay = (distance - distance.min()) * RATE_HZ / SPEED_M_PER_S
    gain = np.sqrt(1 - absorption) ** walls / distance
    response = np.zeros(LENGTH + 1)
    inside = delay < LENGTH - 1
    whole, part = delay[inside].astype(int), delay[inside] % 1
    np.add.at(response, whole, gain[inside] * (1 - part))
    np.add.at(response, whole + 1, gain[inside] * part)
    return (response[:LENGTH] / np.linalg.norm(response)).astype('f4')


def random_rooms(count, seed):
    """[count, LENGTH]"""
    random = np.random.default_rng(seed)
    responses = []
    for _ in range(count):
        room = random.uniform([2.5, 2.5, 2.3], [9, 8, 4])
        source, microphone = random.uniform(0.3, room - 0.3, (2, 3))
        near = random.uniform(0.15, 1)  # the speaker is nearer to the microphone in some rooms than in others
        source = microphone + near * (source - microphone)
        responses.append(impulse_response(room, source, microphone, random.uniform(0.2, 0.7)))
    return np.stack(responses)
