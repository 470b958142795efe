#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ffmpeg.sh - the packaged ffmpeg encodes with h264_nvenc through the stand-in (found by LD_LIBRARY_PATH); the
# result must decode and look like the source. Prints the PSNR.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
source="testsrc2=size=640x362:rate=30"

for format in nv12 yuv420p; do
    # -async_depth and -delay as ffmpeg has them: several pictures in flight, blocking locks.
    ffmpeg -v warning -nostdin -f lavfi -i "$source" -frames:v 60 -pix_fmt "$format" -c:v h264_nvenc -preset p3 \
        -tune ull -rc cbr -b:v 4M -g 30 -f h264 "$folder/$format.h264"
    printf '%s: ' "$format"
    sh "$(dirname "$0")/../like_source.sh" "$folder/$format.h264" 60 40 -f lavfi -i "$source"
done
