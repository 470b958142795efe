#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# vaapi_ffmpeg.sh FOLDER - a program that nobody here wrote encodes through the stand-in in FOLDER: the packaged
# ffmpeg's h264_vaapi. With libx264 behind it the result must look like the source, with I_PCM be equal to it.
set -eu
standin=$1
command -v ffmpeg >/dev/null || exit 77
ffmpeg -v error -h encoder=h264_vaapi | grep -q 'Encoder h264_vaapi' || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

source="-f lavfi -i testsrc2=size=640x362:rate=30,format=nv12"
encode() { # WORDS OUT options...
    words=$1
    out=$2
    shift 2
    # shellcheck disable=SC2086
    CASTOR_STANDIN_VA=$words CASTOR_STANDIN_STRICT=1 LIBVA_DRIVERS_PATH=$standin LD_PRELOAD=$standin/preload.so \
        ffmpeg -v error -nostdin -y -vaapi_device /dev/dri/renderD128 $source -frames:v 60 -vf hwupload \
        -c:v h264_vaapi -bf 0 -g 25 "$@" "$work/$out"
}

encode "" coded.h264 -b:v 3M -maxrate 3M
printf 'libx264 behind the stand-in: '
# shellcheck disable=SC2086
sh "$(dirname "$0")/../standin/like_source.sh" "$work/coded.h264" 60 40 $source

encode pcm exact.h264 -profile:v constrained_baseline -b:v 3M -maxrate 3M
ffmpeg -v error -xerror -nostdin -i "$work/exact.h264" -vf format=nv12 -f framemd5 - | grep '^0' | awk '{print $NF}' >"$work/exact"
# shellcheck disable=SC2086
ffmpeg -v error -nostdin $source -frames:v 60 -f framemd5 - | grep '^0' | awk '{print $NF}' >"$work/wanted"
[ "$(wc -l <"$work/wanted")" -eq 60 ]
cmp "$work/exact" "$work/wanted"
echo "I_PCM behind ffmpeg's headers: 60 pictures, all equal"
