"""Debian packages that the speech models are trained and tested with.

A rule is (package, path, kind, split, group, seconds): files of `package` whose path contains `path` belong to
`kind` (speech, noise, music) and `split` (train, valid, test), unless an earlier rule took them. A group is a
speaker or a kind of sound, and no more than `seconds` of it are used. A kind of None drops the files.
No speaker, no noise package and no piece of music is in two splits: all recordings in Italian and Dutch are in
test, all in Danish in valid.
"""

SPLIT_OF_LANGUAGE = {'it': 'test', 'nl': 'test', 'da': 'valid'}
MINUTE = 60


def speech(package, path, language, seconds):
    split = SPLIT_OF_LANGUAGE.get(language, 'train')
    return package, path, 'speech', split, f'{package}/{language}', seconds


def sounds(package, path, kind, split, seconds):
    return package, path, kind, split, f'{package}/{kind}', seconds


def asterisk():
    return [speech(f'asterisk-core-sounds-{language}-g722', '.g722', language, 25 * MINUTE)
            for language in ('en', 'es', 'fr', 'it', 'ru')]


def tuxpaint():
    """Names of pictures, spoken in many languages, and sounds of animals, vehicles and tools."""
    languages = ('fr', 'ru', 'ro', 'ca', 'bg', 'es', 'be', 'el', 'da', 'lt', 'nl', 'ml')
    package = 'tuxpaint-stamps-default'
    return [speech(package, f'_desc_{language}.', language, 8 * MINUTE) for language in languages] + \
        [(package, '_desc', None, '', '', 0), sounds(package, '/stamps/', 'noise', 'train', 20 * MINUTE)]


def folders(package, pattern, languages, minutes):
    return [speech(package, pattern.format(language), language, minutes * MINUTE)
            for language in languages.split()]


SPEECH = [
    *asterisk(), *tuxpaint(),
    *folders('klettres-data', '/klettres/{}/', 'ml es pt_BR it lt uk ru nds hu tn de cs nb da fr ar he nl en_GB en', 4),
    *folders('ktuberling-data', '/sounds/{}/', 'fr ca uk nn lt da ru wa el en de sl gl it nl', 4),
    *folders('qabcs-data', '/abcs/{}/', 'be pl ru de uk fr en', 6),
    *folders('gcin-voice', '/{}.ogg', '3 5', 5),
    speech('fillets-ng-data-cs', '/cs/', 'cs', 40 * MINUTE),
    speech('fillets-ng-data-nl', '/nl/', 'nl', 25 * MINUTE),
    speech('festvox-ru', '/wav/', 'ru', 40 * MINUTE),
]

VOICES = [(package, path, None, '', '', 0) for package, path in (
    ('hedgewars-data', '/voices/'), ('hedgewars-data', '/Music/'), ('warmux-data', '/voices/'),
    ('scratch', '/Vocals/'), ('scratch', '/Human/'), ('fillets-ng-data', '/en/'), ('unknown-horizons', '/voice/'),
    ('marsshooter-data', '/announcer/'), ('flare-game', '/npcs/'), ('wesnoth-1.16-data', '/campaigns/'),
    ('boswars-data', '/voice'), ('csmash-data', '/voice'))]

SOUNDS = [
    *[sounds(package, '/music/', 'music', split, 3 * MINUTE) for package, split in (
        ('etw-data', 'test'), ('marsshooter-data', 'test'), ('flare-game', 'test'), ('unknown-horizons', 'test'),
        ('warmux-data', 'test'), ('torcs-data', 'test'), ('fillets-ng-data', 'train'),
        ('lincity-ng-data', 'train'), ('boswars-data', 'train'), ('endless-sky-data', 'train'))],
    sounds('neverball-common', '/bgm/', 'music', 'valid', 5 * MINUTE),
    sounds('asterisk-moh-opsound-g722', '.g722', 'music', 'train', 15 * MINUTE),
    sounds('openclonk-data', '/Music', 'music', 'train', 10 * MINUTE),
    sounds('scratch', '/Music Loops/', 'music', 'train', 5 * MINUTE),
    sounds('sonic-pi-samples', '/', 'music', 'train', 5 * MINUTE),
    *[sounds(package, '/', 'noise', 'train', 12 * MINUTE) for package in (
        'wesnoth-1.16-data', 'bucklespring-data', 'scratch', 'boswars-data', 'colobot-common-sounds',
        'searchandrescue-data', 'netpanzer-data', 'lugaru-data', 'minetest-data', 'sound-theme-freedesktop',
        'oxygen-sounds', 'lincity-ng-data', 'planetblupi-common', 'micropolis-data', 'endless-sky-data',
        'pokerth-data', 'freeciv-data', 'hedgewars-data', 'fillets-ng-data')],
    *[sounds(package, '/', 'noise', 'valid', 5 * MINUTE) for package in (
        'simutrans-pak64', 'csmash-data', 'crrcsim-data', 'neverball-common', 'triplea')],
    sounds('qabcs-data', '/noises/', 'noise', 'test', 8 * MINUTE),
    *[sounds(package, '/', 'noise', 'test', 8 * MINUTE) for package in (
        'flare-game', 'unknown-horizons', 'etw-data', 'torcs-data', 'marsshooter-data', 'warmux-data',
        'freetennis-common')],
]

RULES = VOICES + SPEECH + SOUNDS
PACKAGES = sorted({rule[0] for rule in RULES})
