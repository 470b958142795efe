#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# machine.sh WORK BIN CLIP - makes the kernel and the file system of the machine for power cuts in WORK; prints the
# kernel's path.
set -eu
work=$1 bin=$2 clip=$3
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../qemu/kernel.sh"
. "$here/../qemu/initramfs.sh"
# Nothing that has to be built: the kernel as Debian has it.
kernel_vicodec() { :; }
kernel_dmabuf() { :; }
initramfs_modules='virtio_pci virtio_blk crc32c_generic ext4'
initramfs_programs='castor-record powercut_feeder'
initramfs_tools=
kernel_prepare "$work" "" >&2
rm -rf "$work/guest"
cp -r "$here/guest" "$work/guest"
cp "$clip" "$work/guest/clip.264"
# No drivers of ours are needed: a folder without any.
mkdir -p "$work/stage/bin" "$work/stage/lib"
cp "$bin/castor-record" "$bin/powercut_feeder" "$work/stage/bin/"
: >"$work/stage/lib/only_format.so" && : >"$work/stage/lib/h264_face.so"
initramfs_libraries() {
    ldd "$2" 2>/dev/null | sed -n -e 's/.* => \(\/[^ ]*\) .*/\1/p' -e 's/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' |
        while read -r library; do
            [ -e "$1$library" ] && continue
            mkdir -p "$1$(dirname "$library")"
            cp -L "$library" "$1$library"
        done
}
initramfs_make "$work" "$work/stage/bin" "$work/guest" >&2
echo "$kernel_root/boot/vmlinuz-$kernel_abi"
