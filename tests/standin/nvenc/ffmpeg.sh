#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ffmpeg.sh - the packaged ffmpeg encodes with h264_nvenc and hevc_nvenc through the stand-in (found by
# LD_LIBRARY_PATH); the result must decode, with the depth of what went in, and look like the source. Prints the PSNR.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
source="testsrc2=size=640x362:rate=30"

# encode CODEC PIXELS DECODED OPTION...
encode() {
    coded="$folder/coded.$1" codec=$1 pixels=$2 decoded=$3
    shift 3
    # -async_depth and -delay as ffmpeg has them: several pictures in flight, blocking locks.
    ffmpeg -y -v warning -nostdin -f lavfi -i "$source" -frames:v 60 -pix_fmt "$pixels" -c:v "${codec}_nvenc" \
        -preset p3 -tune ull -rc cbr -b:v 4M -g 30 "$@" -f "$codec" "$coded"
    found=$(sh "$(dirname "$0")/../like_source.sh" "$coded" 60 40 -f lavfi -i "$source")
    echo "$codec from $pixels: $found"
    [ "${found%%,*}" = "$decoded" ]
}

encode h264 nv12 yuv420p
encode h264 yuv420p yuv420p
encode hevc nv12 yuv420p
encode hevc yuv420p yuv420p -profile:v main
encode hevc p010le yuv420p10le -profile:v main10
