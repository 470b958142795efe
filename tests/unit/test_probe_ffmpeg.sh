#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# castor-probe judged by ffmpeg and libsrt's own tool: the same counts as ffprobe on a file, the same stream over SRT
# as listener (twice, with encryption) and as caller, and clear failures.
set -u
probe=$1
for tool in ffmpeg ffprobe srt-live-transmit python3; do
    command -v $tool >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }
done
work=$(mktemp -d)
children=()
trap 'kill "${children[@]}" 2>/dev/null; rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*"
    exit 1
}

# A UDP port that is free now.
port() {
    python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# figure FILE group.key
figure() {
    python3 -c 'import json, sys
value = json.load(open(sys.argv[1]))
for key in sys.argv[2].split("."):
    value = value[key]
print(value)' "$1" "$2"
}

expect() {
    local got
    got=$(figure "$1" "$2") || fail "$1 has no $2"
    [ "$got" = "$3" ] || fail "$2 is $got, not $3"
}

# Waits until the state file says so; the deadline is 15 s.
await() {
    local end=$((SECONDS + 15))
    until [ "$(figure "$1" "$2" 2>/dev/null)" = "$3" ]; do
        [ $SECONDS -lt $end ] || fail "$2 did not become $3"
        read -r -t 0.05 <> <(:)
    done
}

make() { # NAME RATE OPTIONS...
    local name=$1 rate=$2
    shift 2
    ffmpeg -v error -y -f lavfi -i testsrc2=s=640x360:r="$rate" -t 3 -c:v libx264 -preset ultrafast -g 30 "$@" \
        -f mpegts "$work/$name.ts" || fail "ffmpeg made no $name"
}

make plain 30 -tune zerolatency -pcr_period 20
make bframes 30000/1001 -bf 2 -preset veryfast -pcr_period 20
for name in plain bframes; do
    "$probe" "$work/$name.ts" --decode --strict --json >"$work/$name.json" || fail "$name has faults"
    frames=$(ffprobe -v error -select_streams v -count_packets -show_entries stream=nb_read_packets -of csv=p=0 \
        "$work/$name.ts" | head -n 1 | tr -d ',')
    expect "$work/$name.json" frames.received "$frames"
    expect "$work/$name.json" decode.pictures "$frames"
    expect "$work/$name.json" h264.width_px 640
    expect "$work/$name.json" h264.height_px 360
    expect "$work/$name.json" ts.packets $(($(stat -c %s "$work/$name.ts") / 188))
done
expect "$work/bframes.json" h264.frame_rate 29.97

# A pipe is an input too, and one lost packet is one fault and an exit status of 1.
"$probe" - --quiet --json <"$work/plain.ts" >"$work/pipe.json" || fail "standard input"
expect "$work/pipe.json" frames.received 90
{ head -c $((188 * 500)) "$work/plain.ts"; tail -c +$((188 * 501 + 1)) "$work/plain.ts"; } >"$work/hole.ts"
"$probe" "$work/hole.ts" --json --max-cc-errors 0 >"$work/hole.json"
[ $? -eq 1 ] || fail "a broken limit must exit with 1"
expect "$work/hole.json" ts.cc_errors 1
expect "$work/hole.json" passed False

# Listener: two callers, one after the other, encrypted.
p=$(port)
secret="passphrase=a-secret-of-castor&pbkeylen=16"
"$probe" "srt://127.0.0.1:$p?mode=listener&latency=100&$secret" --idle-timeout 20 --status-file "$work/state.json" \
    --json-file "$work/listener.json" --output "$work/received.ts" --quiet >/dev/null &
child=$!
children+=($child)
await "$work/state.json" state running
for turn in 1 2; do
    ffmpeg -v error -re -i "$work/plain.ts" -c copy -f mpegts "srt://127.0.0.1:$p?mode=caller&$secret" ||
        fail "ffmpeg could not send"
    await "$work/state.json" srt.disconnections $turn
done
kill -TERM $child
wait $child || fail "the listener failed"
expect "$work/listener.json" ended_because signal
expect "$work/listener.json" srt.connections 2
expect "$work/listener.json" ts.cc_errors 0
expect "$work/listener.json" srt.undecrypted 0
frames=$(figure "$work/listener.json" frames.received)
# A sender that closes takes what is still in flight with it, up to the latency: three frames a turn, with slack. What
# did arrive is counted as ffprobe counts it, but for an access unit that is cut off.
[ "$frames" -ge 165 ] || fail "only $frames of 180 frames arrived"
seen=$(ffprobe -v quiet -select_streams v -count_packets -show_entries stream=nb_read_packets -of csv=p=0 \
    "$work/received.ts" | head -n 1 | tr -d ',')
[ $((seen - frames)) -ge 0 ] && [ $((seen - frames)) -le 2 ] || fail "$frames frames, but ffprobe finds $seen"
[ "$(stat -c %s "$work/received.ts")" = "$(figure "$work/listener.json" ts.bytes)" ] || fail "--output lost bytes"
grep -q a-secret-of-castor "$work/listener.json" && fail "the passphrase stands in the report"

# Caller of a listener that is not ours; the passphrase is right, then wrong.
p=$(port)
ffmpeg -v quiet -re -stream_loop 9 -i "$work/plain.ts" -c copy -f mpegts - |
    srt-live-transmit -q file://con "srt://127.0.0.1:$p?mode=listener&$secret" >/dev/null 2>&1 &
children+=($!)
"$probe" "srt://127.0.0.1:$p?mode=caller&$secret" --frames 60 --quiet --json >"$work/caller.json" ||
    fail "the caller failed"
expect "$work/caller.json" ts.cc_errors 0
expect "$work/caller.json" srt.connections 1

p=$(port)
"$probe" "srt://127.0.0.1:$p?mode=listener&$secret" --idle-timeout 8 --quiet >/dev/null 2>&1 &
child=$!
children+=($child)
"$probe" "srt://127.0.0.1:$p?mode=caller&passphrase=another-secret" --quiet >/dev/null 2>"$work/why"
[ $? -eq 2 ] || fail "a wrong passphrase must exit with 2"
grep -q "refused the passphrase" "$work/why" || fail "a wrong passphrase is not named: $(cat "$work/why")"

# The port is still held by that listener.
"$probe" "srt://127.0.0.1:$p?mode=listener" --quiet >/dev/null 2>"$work/why"
[ $? -eq 2 ] || fail "a port in use must exit with 2"
grep -q "in use" "$work/why" || fail "a port in use is not named: $(cat "$work/why")"
echo "castor-probe agrees with ffmpeg and srt-live-transmit"
