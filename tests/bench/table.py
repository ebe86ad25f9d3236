#!/usr/bin/env python3
"""Prints the JSON file of the benchmark as Markdown tables: table.py FILE."""

import json
import sys


def text_of(value):
    if not isinstance(value, float):
        return str(value)
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f'{value:.{digits}f}'


def heading(name):
    return name.replace('x_', '× ').replace('_per_', '/').replace('_', ' ')


def table(rows):
    names = list(rows[0])
    yield '| ' + ' | '.join(map(heading, names)) + ' |'
    yield '|---|' + '---:|' * (len(names) - 1)
    for row in rows:
        yield '| ' + ' | '.join(text_of(row[name]) for name in names) + ' |'


def main(path):
    with open(path) as file:
        report = json.load(file)
    print(', '.join(f'{name} {value}' for name, value in report['machine'].items()))
    for section, rows in report.items():
        if isinstance(rows, list):
            print(f'\n**{heading(section)}**\n')
            print('\n'.join(table(rows)))


if __name__ == '__main__':
    main(sys.argv[1])
