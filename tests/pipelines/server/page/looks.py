"""Checks of the appearance, of the keyboard, and of what the browser reports."""

import os
import pathlib

import servers
from bench import COMPLETE

NARROW = 320
DRAWN = f"{COMPLETE} && document.getElementById('result').ariaBusy === 'false'"


def narrow(bench):
    tab = bench.open_ready(width=NARROW, height=640)
    fits = f'document.documentElement.scrollWidth <= {NARROW}'  # innerWidth grows with the content
    assert tab.evaluate(fits), 'empty page'
    tab.choose_file(bench.speech)
    tab.wait(COMPLETE)
    assert tab.evaluate(fits), 'page with a result'
    assert tab.evaluate("[...document.querySelectorAll('button, select, input[type=range]')].every((e) => {"
                        'const {left, right} = e.getBoundingClientRect();'
                        f'return left >= 0 && right <= {NARROW}; }})'), 'controls'


# Smallest ratio of the contrast of text to its background, by the formula of WCAG 2.
CONTRAST = """(() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = parts(color).map((x) => x / 255)
      .map((x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if (parts(color)[3] !== 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const hasText = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  const isShown = (e) => e.getClientRects().length && !e.disabled && !e.closest(':disabled, .hidden');
  return Math.min(...[...document.querySelectorAll('body *')].filter((e) => hasText(e) && isShown(e))
    .map((e) => {
      const [a, b] = [luminance(getComputedStyle(e).color), luminance(background(e))].sort((x, y) => x - y);
      return (b + 0.05) / (a + 0.05);
    }));
})()"""


def keyboard_and_names(bench):
    tab = bench.open_ready()
    tab.choose_file(bench.speech)
    tab.wait(COMPLETE)
    tab.call('Page.bringToFront')
    reached = []
    for _ in range(12):
        tab.press('Tab', 9)
        reached.append(tab.evaluate('document.activeElement.id || document.activeElement.value || ""'))
        if reached[-1] and reached[-1] not in ('after', 'position'):
            style = tab.evaluate('getComputedStyle(document.activeElement).outlineStyle')
            assert style != 'none', f'{reached[-1]} shows no focus'
    for name in ('model', 'choose', 'microphone', 'position', 'play', 'after', 'download'):
        assert name in reached, (name, reached)
    tab.call('Accessibility.enable')
    roles = ('button', 'combobox', 'slider', 'radio', 'meter', 'textbox', 'image')
    for node in tab.call('Accessibility.getFullAXTree')['nodes']:
        if not node['ignored'] and node['role']['value'] in roles:
            assert node['name']['value'], node
    for dark in (False, True):
        tab.show(1200, 1000, dark=dark)
        assert tab.evaluate(CONTRAST) >= 4.5, (dark, tab.evaluate(CONTRAST))


def pictures(bench):
    folder = pathlib.Path(os.environ.get('PAGE_MODELS', bench.folder / 'models'))
    server = servers.Server(folder)
    try:
        tab = bench.open_ready(server=server, width=1000, height=1000)
        tab.screenshot(bench.pictures / 'empty.png')
        tab.choose_file(bench.speech)
        tab.wait(DRAWN)
        seek = "document.getElementById('position')"
        tab.evaluate(f"{seek}.value = 2.2; {seek}.dispatchEvent(new Event('input'))")
        for name, dark in (('light', False), ('dark', True)):
            tab.show(1000, 1000, dark=dark)
            tab.screenshot(bench.pictures / f'desktop-{name}.png')
            tab.show(390, 1240, scale=2, dark=dark)
            tab.screenshot(bench.pictures / f'phone-{name}.png')
    finally:
        server.stop()


def no_other_requests(bench):
    for tab in bench.tabs:
        for request in tab.requests:
            origin = request.replace('ws://', 'http://')
            assert origin.startswith(tab.url) or request.startswith(('blob:' + tab.url, 'about:')), request


def quiet_console(bench):
    for tab in bench.tabs:
        assert not tab.messages, tab.messages
    # The browser itself reports requests that a check makes fail, and those that a busy machine refuses.
    for tab in bench.tabs:
        if tab.url == bench.server.url:
            reports = [text for text in tab.failed_requests if ' 503' not in text]
            assert not reports, reports
