#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Streams of libx264 and libx265, with one and with several slices a picture, through the mux; ffprobe and ffmpeg have
# to find every picture, no error, and PTS that are exact. Usage: test_mux_ffmpeg.sh MUX_FILE [CASTOR_PROBE]
set -eu
mux_file=$1
command -v ffmpeg >/dev/null && command -v ffprobe >/dev/null || exit 77
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

check() { # name num den frames encoder-params [rate] [h264|hevc]
    name=$1 num=$2 den=$3 frames=$4 params=$5 rate=${6:-} codec=${7:-h264}
    encoder=x264
    [ "$codec" = h264 ] || encoder=x265
    ffmpeg -nostdin -y -v error -f lavfi -i "testsrc2=size=640x360:rate=$num/$den" -frames:v "$frames" -pix_fmt yuv420p \
        -c:v lib$encoder -preset ultrafast -tune zerolatency \
        -$encoder-params "aud=1:repeat-headers=1:keyint=48:$params" -f "$codec" "$dir/in.$codec"
    "$mux_file" "$dir/in.$codec" "$dir/out.ts" "$num" "$den" $rate
    ffmpeg -nostdin -y -v error -xerror -i "$dir/out.ts" -f framemd5 "$dir/out.md5" 2>"$dir/errors"
    ffmpeg -nostdin -y -v error -i "$dir/in.$codec" -f framemd5 "$dir/in.md5"
    [ ! -s "$dir/errors" ] || { cat "$dir/errors"; echo "$name: ffmpeg complains"; exit 1; }
    pictures() { grep -v '^#' "$1" | awk -F, '{print $6}'; }
    pictures "$dir/in.md5" >"$dir/a"
    pictures "$dir/out.md5" >"$dir/b"
    cmp "$dir/a" "$dir/b" || { echo "$name: pictures differ"; exit 1; }
    [ "$(wc -l <"$dir/b")" -eq "$frames" ] || { echo "$name: frames are missing"; exit 1; }
    ffprobe -v error -select_streams v -show_entries packet=pts -of csv=p=0 "$dir/out.ts" 2>>"$dir/errors" |
        awk -F, -v num="$num" -v den="$den" 'BEGIN { bad = 0 }
            # Nearest tick to capture time, which itself is rounded down to a nanosecond.
            /^[0-9]/ { off = $1 - 9000 - 90000 * n++ * den / num; if (off > 0.501 || off < -0.501) { print n, $1; bad = 1 } }
            END { exit bad || n == 0 }' || { echo "$name: PTS are not exact"; exit 1; }
    service=$(ffprobe -v error -show_entries program_tags=service_provider -of csv=p=0 "$dir/out.ts")
    [ "${service%%,*}" = Castor ] || { echo "$name: service is '$service'"; exit 1; }
    [ ! -s "$dir/errors" ] || { cat "$dir/errors"; echo "$name: ffprobe complains"; exit 1; }
    echo "$name: $frames pictures, $(wc -c <"$dir/out.ts") bytes"
}

if ffmpeg -nostdin -v error -encoders | grep -q libx265; then
    check "HEVC, one slice" 30000 1001 60 "slices=1:log-level=error" "" hevc
    check "HEVC, two slices" 25 1 50 "slices=2:log-level=error" "" hevc
fi
check "one slice" 30000 1001 120 "slices=1"
check "four slices" 25 1 100 "slices=4"
check "60 fps" 60 1 120 "slices=1"
check "24000/1001 at a constant rate" 24000 1001 96 "slices=2:vbv-maxrate=2500:vbv-bufsize=250:bitrate=2500" 4000000
