#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# vaapi_ffmpeg.sh FOLDER - a program that nobody here wrote encodes through the stand-in in FOLDER: the packaged
# ffmpeg's h264_vaapi and hevc_vaapi. With libx264 and libx265 behind it the result must look like the source, with
# I_PCM be equal to it; of HEVC each picture must have the hash that libx265 gives it, behind ffmpeg's headers.
set -eu
standin=$1
command -v ffmpeg >/dev/null || exit 77
for codec in h264_vaapi hevc_vaapi; do
    ffmpeg -v error -h encoder=$codec | grep -q "Encoder $codec" || exit 77
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

input() { # PIXEL
    echo "-f lavfi -i testsrc2=size=640x362:rate=30,format=$1"
}
encode() { # WORDS PIXEL OUT options...
    words=$1
    source=$(input "$2")
    out=$3
    shift 3
    # shellcheck disable=SC2086
    CASTOR_STANDIN_VA=$words CASTOR_STANDIN_STRICT=1 LIBVA_DRIVERS_PATH=$standin LD_PRELOAD=$standin/preload.so \
        ffmpeg -v error -nostdin -y -vaapi_device /dev/dri/renderD128 $source -frames:v 60 -vf hwupload \
        -bf 0 -g 25 "$@" "$work/$out"
}
compare() { # PIXEL OUT
    # shellcheck disable=SC2046
    sh "$(dirname "$0")/../standin/like_source.sh" "$work/$2" 60 40 $(input "$1")
}

encode "" nv12 coded.h264 -c:v h264_vaapi -b:v 3M -maxrate 3M
printf 'libx264 behind the stand-in: '
compare nv12 coded.h264

encode pcm nv12 exact.h264 -c:v h264_vaapi -profile:v constrained_baseline -b:v 3M -maxrate 3M
ffmpeg -v error -xerror -nostdin -i "$work/exact.h264" -vf format=nv12 -f framemd5 - | grep '^0' | awk '{print $NF}' >"$work/exact"
# shellcheck disable=SC2046
ffmpeg -v error -nostdin $(input nv12) -frames:v 60 -f framemd5 - | grep '^0' | awk '{print $NF}' >"$work/wanted"
[ "$(wc -l <"$work/wanted")" -eq 60 ]
cmp "$work/exact" "$work/wanted"
echo "I_PCM behind ffmpeg's headers: 60 pictures, all equal"

for pixel in nv12 p010; do
    encode hash $pixel $pixel.hevc -c:v hevc_vaapi -b:v 3M -maxrate 3M
    printf 'libx265 behind the stand-in: '
    compare $pixel $pixel.hevc
    ffmpeg -v debug -nostdin -err_detect crccheck -threads 1 -i "$work/$pixel.hevc" -f null - 2>&1 |
        grep -o 'plane [0-9] - [a-z]*' | sort | uniq -c >"$work/hashes"
    awk '$5 != "correct" || $1 < 60 { bad = 1 } { all += $1 } END { exit bad || NR != 3 }' "$work/hashes" ||
        { cat "$work/hashes"; exit 1; }
done
