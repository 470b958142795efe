#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ffmpeg.sh LIBRARY - the packaged ffmpeg encodes through the stand-in, with the encoders h264_v4l2m2m and hevc_v4l2m2m
# that nobody here wrote; what comes out must decode and look like what went in. The PSNR is printed. (10 bits are not
# among the formats that version 5.1 knows of V4L2.)
set -eu
library=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for codec in h264 hevc; do
    if ! ffmpeg -hide_banner -encoders 2>/dev/null | grep -q "${codec}_v4l2m2m"; then
        echo "this ffmpeg has no ${codec}_v4l2m2m"
        exit 1
    fi
done

source="testsrc2=size=640x352:rate=30,format=yuv420p"
ffmpeg -v error -nostdin -f lavfi -i "$source" -frames:v 90 -pix_fmt yuv420p -f rawvideo "$folder/in.yuv"

# The way through the filters gives every plane a buffer of its own: version 5.1 of h264_v4l2m2m crashes on pictures
# that have one buffer for three planes when the device wants them apart.
for words in "i420" "mplane,i420m" "nv12,no_aud" "mplane,nv12m" "hevc,i420" "hevc,mplane,nv12m"; do
    format=yuv420p
    codec=h264
    case $words in hevc*) codec=hevc ;; esac
    case $words in *nv12*) format=nv12 ;; esac
    CASTOR_STANDIN_V4L2M2M=$words LD_PRELOAD=$library ffmpeg -v error -nostdin -y \
        -f rawvideo -video_size 640x352 -framerate 30 -pixel_format yuv420p -i "$folder/in.yuv" \
        -vf format=nv12,format=yuv420p,format=$format -pix_fmt $format -c:v ${codec}_v4l2m2m -b:v 4M "$folder/out.$codec" 2>"$folder/errors" || {
        cat "$folder/errors"
        exit 1
    }
    if grep -q misuse "$folder/errors"; then
        cat "$folder/errors"
        exit 1
    fi
    printf '%s' "${codec}_v4l2m2m, $words: "
    sh "$(dirname "$0")/../like_source.sh" "$folder/out.$codec" 90 40 -f lavfi -i "$source"
done
