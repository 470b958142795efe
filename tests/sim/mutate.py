#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mutate.py SOURCE_FOLDER BUILD_FOLDER COMPILER switch|feed

Puts deliberate mistakes (mistakes_*.py) into a copy of a deciding part, one at a time, and demands that its
simulation finds each of them. Without a mistake the same schedules must pass. Each text must stand in its file
exactly once, so that a mistake cannot silently go missing when the part changes."""
import glob
import os
import re
import shutil
import subprocess
import sys

import mistakes_feed
import mistakes_switch

# What is mutated: its files in firmware/supervisor, where its simulation is, how many schedules, the mistakes.
SUBJECTS = {
    'switch': (r'(switch|restart).*\.[ch]', '.', 50000, mistakes_switch.MISTAKES),
    'feed': (r'feed.*\.[ch]', 'feed', 30000, mistakes_feed.MISTAKES),
}


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)


def compile_folder(compiler, flags, folder, pattern, build):
    """Compiles folder/pattern into build; the objects."""
    objects = []
    for path in sorted(glob.glob(os.path.join(folder, pattern))):
        target = os.path.join(build, os.path.basename(os.path.dirname(path)) + '_' + os.path.basename(path) + '.o')
        result = run([compiler, *flags, '-c', path, '-o', target])
        if result.returncode != 0:
            sys.exit(result.stderr)
        objects.append(target)
    return objects


def simulate(compiler, objects, build, schedules):
    program = os.path.join(build, 'sim')
    result = run([compiler, *objects, '-o', program])
    if result.returncode != 0:
        sys.exit(result.stderr)
    return run([program, '--seed', '1', '--schedules', str(schedules)], env={})


def main():
    source, build, compiler, subject = sys.argv[1:5]
    files, simulation, schedules, mistakes = SUBJECTS[subject]
    supervisor = os.path.join(source, 'firmware', 'supervisor')
    copy = os.path.join(build, 'supervisor')
    # Its own assertions are off: it is the simulation that has to find the mistakes.
    flags = ['-O2', '-std=c17', '-D_GNU_SOURCE', '-DNDEBUG', '-w', f'-I{build}', f'-I{source}/firmware',
             f'-I{source}/hal/include']

    shutil.rmtree(build, ignore_errors=True)
    os.makedirs(copy)
    for path in glob.glob(os.path.join(supervisor, '*')):
        if re.fullmatch(files, os.path.basename(path)):
            shutil.copy(path, copy)
    fixed = compile_folder(compiler, flags, os.path.join(source, 'tests', 'sim', simulation), '*.c', build)
    right = compile_folder(compiler, flags, copy, '*.c', build)
    result = simulate(compiler, fixed + right, build, schedules)
    if result.returncode != 0:
        print(f'the {subject} as it is does not pass:', result.stdout)
        return 1
    missed = 0
    for what, name, text, mistake in mistakes:
        path = os.path.join(copy, name)
        with open(path, encoding='utf-8') as file:
            original = file.read()
        if original.count(text) != 1:
            print(f'NOT APPLIED  {what}: its text stands there {original.count(text)} times')
            missed += 1
            continue
        with open(path, 'w', encoding='utf-8') as file:
            file.write(original.replace(text, mistake))
        compile_folder(compiler, flags, copy, name, build)
        result = simulate(compiler, fixed + right, build, schedules)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(original)
        compile_folder(compiler, flags, copy, name, build)
        found = result.returncode != 0
        missed += not found
        seed = re.match(r'seed (\d+), .*?: (.*)', result.stdout)
        how = f'after {seed[1]} schedules: {seed[2]}' if seed else f'status {result.returncode}'
        print(f'{"found" if found else "NOT FOUND"}  {what}; {how}')
    print(f'{len(mistakes) - missed} of {len(mistakes)} mistakes found')
    return 1 if missed else 0


sys.exit(main())
