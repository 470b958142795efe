#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""arrows.py ROOT - who may include whom (DESIGN.md, "The house"). Fails with every include that goes the wrong way."""
import os, re, sys

# room -> rooms whose headers it may include, besides its own; "libc" is what <angle brackets> may name in hal/.
SHARED = {'base', 'ipc', 'pool'}
PROGRAMS = {'supervisor', 'capture', 'slate', 'encode', 'egress', 'record'}
RULES = {
    'hal': set(),
    'drivers/module': {'hal'}, 'drivers/transport': {'hal'},
    'drivers/encoder': {'hal', 'drivers/module'}, 'drivers/source': {'hal', 'drivers/module'},
    'drivers/sound': {'hal', 'drivers/module', 'drivers/source'},  # clocks and files are the same
    'base': {'hal'}, 'ipc': {'hal', 'base'}, 'pool': {'hal'},
    'mux': {'hal', 'base'},
    'archive': {'hal'},
    'record': {'hal', 'mux', 'archive'} | SHARED,
    'draw': {'hal', 'base', 'ipc'},
    'supervisor': {'hal'} | SHARED,  # no driver, no mux
    'capture': {'hal', 'drivers/source', 'draw'} | SHARED,
    'slate': {'hal', 'draw'} | SHARED,
    'encode': {'hal', 'drivers/encoder'} | SHARED,
    'sound': {'hal', 'drivers/sound'} | SHARED,
    'egress': {'hal', 'drivers/transport', 'mux'} | SHARED,
    'tools/probe': {'hal'},          # no mux or switch code of the firmware: one bug must not hide in both
    'tools/castorctl': {'hal', 'base', 'ipc', 'archive'},
    'tools/export': {'hal', 'base', 'archive'},
}
C_LIBRARY = {'assert', 'ctype', 'errno', 'limits', 'math', 'setjmp', 'signal', 'stdalign', 'stdarg', 'stdatomic',
             'stdbool', 'stddef', 'stdint', 'stdio', 'stdlib', 'string', 'time'}
VENDOR = re.compile(r'<(x264|srt/|libav|libyuv|bitstream|cuda|va/|png|ft2build|qrencode|soxr|alsa/)')


def room_of_file(path):
    parts = path.split('/')
    if parts[0] == 'hal':
        return 'hal'
    if parts[0] in ('drivers', 'tools'):
        return '/'.join(parts[:2])
    return parts[1]  # firmware


def room_of_include(name, here):
    head = name.split('/')[0]
    if head == 'hal':
        return 'hal'
    if '/' not in name:
        return here
    if here.startswith('tools/') and head == here.split('/')[1]:
        return here
    if head in ('encoder', 'module', 'source', 'transport'):
        return 'drivers/' + head
    return head


def violations(root):
    for top in ('hal', 'drivers', 'firmware', 'tools'):
        for folder, _, files in os.walk(f'{root}/{top}'):
            for file in files:
                if not file.endswith(('.c', '.h')):
                    continue
                path = os.path.relpath(f'{folder}/{file}', root)
                here = room_of_file(path)
                for number, line in enumerate(open(f'{root}/{path}', encoding='utf-8'), 1):
                    quoted = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
                    angled = re.match(r'\s*#\s*include\s+<([^>]+)>', line)
                    if quoted:
                        there = room_of_include(quoted.group(1), here)
                        if there != here and there not in RULES.get(here, set()):
                            yield f'{path}:{number}: {here} may not include {there} ({quoted.group(1)})'
                    if angled and here == 'hal' and angled.group(1).removesuffix('.h') not in C_LIBRARY:
                        yield f'{path}:{number}: hal/ includes the C standard library only ({angled.group(1)})'
                    if angled and here == 'supervisor' and VENDOR.search(line):
                        yield f'{path}:{number}: the supervisor touches no vendor library ({angled.group(1)})'


def main():
    found = list(violations(sys.argv[1]))
    print('\n'.join(found) or 'every arrow goes the right way')
    return 1 if found else 0


sys.exit(main())
