#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# like_source.sh CODED FRAMES DB INPUT... - CODED (.h264 or .hevc) must decode without an error into exactly that many
# frames, 30 a second, and each must be as near as DB to its frame of INPUT (ffmpeg's options; at least one frame more),
# in the pixel format that it decodes to. Prints that format, frames and PSNR.
set -eu
coded=$1 frames=$2 db=$3
shift 3
log=$(mktemp)
trap 'rm -f "$log"' EXIT

format=$(ffprobe -v error -show_entries stream=pix_fmt -of default=nw=1:nk=1 -f "${coded##*.}" "$coded")
# Without `shortest` frames that are missing at the end would be compared as repetitions of the last one.
# Frames are paired by number: settb first, for a time in finer units would be cut to the one before.
ffmpeg -v info -nostdin -xerror -framerate 30 -f "${coded##*.}" -i "$coded" "$@" -f null -lavfi \
    "[0:v]settb=1/30,setpts=N[a];[1:v]format=$format,settb=1/30,setpts=N[b];[a][b]psnr=shortest=1" - 2>"$log" || {
    cat "$log"
    exit 1
}
found=$(sed -n 's/.*frame= *\([0-9]*\).*/\1/p' "$log" | tail -n 1)
psnr=$(sed -n 's/.*PSNR.*average:\([0-9.]*\) min:\([0-9.]*\).*/\1 \2/p' "$log")
echo "$format, $found of $frames frames, PSNR ${psnr% *} dB, the worst ${psnr#* } dB"
[ "$found" = "$frames" ]
awk -v worst="${psnr#* }" -v least="$db" 'BEGIN { exit !(worst >= least) }'
