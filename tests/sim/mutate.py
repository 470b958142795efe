#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mutate.py SOURCE_FOLDER BUILD_FOLDER COMPILER

Puts deliberate mistakes into a copy of the switch, one at a time, and demands that the simulation finds each of
them. Without a mistake the same schedules must pass. Each text must stand in its file exactly once, so that a
mistake cannot silently go missing when the switch changes."""
import glob
import os
import re
import shutil
import subprocess
import sys

SCHEDULES = 50000
MISTAKES = [  # what, file, text, mistake
    ('an answer of an old epoch counts', 'switch.c', '} else if (unit->epoch == s->epoch) {', '} else {'),
    ('the epoch stays on a take-over', 'switch_change.c',
     '    book_raise_epoch(s);\n    s->active = to;', '    s->active = to;'),
    ('no IDR is ordered after a change', 'switch_change.c',
     'bool wanted = (s->idr_due || s->idr_requested)', 'bool wanted = s->idr_requested'),
    ('a requested IDR is forgotten', 'switch_change.c',
     'bool wanted = (s->idr_due || s->idr_requested)', 'bool wanted = s->idr_due'),
    ('the first access unit after a change need not be an IDR', 'switch.c', 'else if (s->idr_due && !unit->idr)',
     'else if (false)'),
    ('a bad access unit is emitted', 'switch.c',
     'else if (unit->verdict != SWITCH_VERDICT_GOOD)\n        change_fail(s, now_ns, s->active,',
     'else if (false)\n        change_fail(s, now_ns, s->active,'),
    ('a bad access unit of a standby is overlooked', 'switch.c',
     'return unit->verdict == SWITCH_VERDICT_GOOD && (', 'return ('),
    ('a standby that makes no IDR is overlooked', 'switch.c', '(unit->idr || !was_asked)', '(unit->idr || !was_asked || true)'),
    ('a skipped frame is not noticed', 'switch.c', 'change_drop(s, now_ns, next->sequence);',
     '{ while (book_next(s)->sequence != unit->sequence) book_settle(s, 0); emit(s, now_ns, unit); }'),
    ('a drop of the standby counts as one of the active path', 'switch.c',
     'else if (epoch == s->epoch && path == s->active) {', 'else if (epoch == s->epoch && s->active != SWITCH_NO_PATH) {'),
    ('only the first frame of the pool is replayed', 'switch_change.c', 'i < s->queue_count; i++)\n        change_encode',
     'i < s->queue_count && i < 1; i++)\n        change_encode'),
    ('the replaced path is not ended', 'switch_change.c',
     '        order_switched(s, old, cause);\n    }\n    kill_path(s, now_ns, old, cause);',
     '        order_switched(s, old, cause);\n    }\n    if (to == SWITCH_NO_PATH)\n        kill_path(s, now_ns, old, cause);\n'
     '    else\n        change_set_state(s, now_ns, old, SWITCH_PATH_STANDBY);'),
    ('a path that is starting takes over', 'switch_change.c', 'if (s->path[i].state == SWITCH_PATH_STANDBY && book_can',
     'if (is_running(&s->path[i]) && i != s->active && book_can'),
    ('the pool is not watched while nobody is on air', 'switch_change.c',
     'if (s->active == SWITCH_NO_PATH)\n        make_room(s);', 'if (false)\n        make_room(s);'),
    ('a frame that a dying path reads is given up', 'switch_change.c', 'if (book_is_claimed(frame)) {', 'if (false) {'),
    ('the first cause is forgotten while nobody is on air', 'switch_change.c',
     's->started ? s->fault_cause : SWITCH_CAUSE_START', 'SWITCH_CAUSE_START'),
    ('a slot is released while it is read', 'switch_book.c',
     'if (!frame->held || !frame->settled || book_is_claimed(frame))', 'if (!frame->held || !frame->settled)'),
    ('claims of a dead path stay', 'switch.c', '    book_forget_path(s, path);\n', ''),
    ('a gap in capture is not reported', 'switch.c', 'if (!s->captured_any || sequence == s->last_captured + 1)',
     'if (true)'),
    ('a gap in capture is one too long', 'switch.c', '(uint32_t)(sequence - s->last_captured - 1)',
     '(uint32_t)(sequence - s->last_captured)'),
    ('a stall is not noticed', 'switch_time.c', '        change_fail(s, now_ns, s->active, SWITCH_CAUSE_STALL);\n',
     '        (void)0;\n'),
    ('a new path has no budget of its own', 'switch_time.c', 'int64_t since_ns = later(capture_ns, s->active_since_ns);\n'
     '    if (s->inherited_ns > 0)', 'int64_t since_ns = capture_ns;\n    if (false)'),
    ('a silent standby is not noticed', 'switch_time.c', 'p->state == SWITCH_PATH_STANDBY && p->orders > 0', 'false'),
    ('a slow start is not noticed', 'switch_time.c', 'if (p->state == SWITCH_PATH_STARTING)', 'if (false)'),
    ('going back does not wait', 'switch_time.c', 's->path[0].since_ns + s->config.hold_ns', 's->path[0].since_ns'),
    ('a hot standby is given everything', 'switch.c', 'if (p->orders < s->config.standby_orders_max)',
     'if (p->orders < 2 * s->config.standby_orders_max)'),
    ('a path is asked for the same frame for ever', 'switch_change.c', 'p->same_frame_tries > SAME_FRAME_TRIES', 'false'),
    ('a change is planned while the last is not complete', 'switch.c', 's->active == SWITCH_NO_PATH || s->idr_due ||',
     's->active == SWITCH_NO_PATH ||'),
    ('a dying path is listened to', 'switch.c', 's->path[path].state == SWITCH_PATH_ACTIVE);',
     's->path[path].state == SWITCH_PATH_ACTIVE ||\n            s->path[path].state == SWITCH_PATH_DYING);'),
    ('a second canary goes out while one is out', 'switch.c', 'else if (p->orders == 0 && now_ns >= p->next_canary_ns)',
     'else if (now_ns >= p->next_canary_ns)'),
    ('frames that come late are held against the path', 'switch.c', '            s->progress_ns = now_ns;\n    }',
     '            (void)0;\n    }'),
    ('too many paths run', 'switch_change.c', 'running < s->config.running_paths; i++', 'running <= s->config.running_paths; i++'),
]


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


def simulate(compiler, objects, build):
    program = os.path.join(build, 'sim')
    result = run([compiler, *objects, '-o', program])
    if result.returncode != 0:
        sys.exit(result.stderr)
    return run([program, '--seed', '1', '--schedules', str(SCHEDULES)], env={})


def main():
    source, build, compiler = sys.argv[1:4]
    supervisor = os.path.join(source, 'firmware', 'supervisor')
    copy = os.path.join(build, 'supervisor')
    # The switch's own assertions are off: it is the simulation that has to find the mistakes.
    flags = ['-O2', '-std=c17', '-D_GNU_SOURCE', '-DNDEBUG', '-w', f'-I{build}', f'-I{source}/firmware',
             f'-I{source}/hal/include']

    shutil.rmtree(build, ignore_errors=True)
    os.makedirs(copy)
    for path in glob.glob(os.path.join(supervisor, '*')):
        if re.fullmatch(r'(switch|restart).*\.[ch]', os.path.basename(path)):
            shutil.copy(path, copy)
    fixed = compile_folder(compiler, flags, os.path.join(source, 'tests', 'sim'), '*.c', build)
    right = compile_folder(compiler, flags, copy, '*.c', build)
    result = simulate(compiler, fixed + right, build)
    if result.returncode != 0:
        print('the switch as it is does not pass:', result.stdout)
        return 1
    missed = 0
    for what, name, text, mistake in MISTAKES:
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
        result = simulate(compiler, fixed + right, build)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(original)
        compile_folder(compiler, flags, copy, name, build)
        found = result.returncode != 0
        missed += not found
        seed = re.match(r'seed (\d+), .*?: (.*)', result.stdout)
        how = f'after {seed[1]} schedules: {seed[2]}' if seed else f'status {result.returncode}'
        print(f'{"found" if found else "NOT FOUND"}  {what}; {how}')
    print(f'{len(MISTAKES) - missed} of {len(MISTAKES)} mistakes found')
    return 1 if missed else 0


sys.exit(main())
