# SPDX-License-Identifier: Apache-2.0
# The machine's whole file system: busybox, our programs with the libraries they need, and the kernel's modules.

# What the tests load, and what carries results (9p) and the network; their dependencies come by themselves.
initramfs_modules='vivid vicodec vgem castor_heap castor_udmabuf snd-aloop loop crc32c_generic ext4 virtio_pci 9pnet_virtio 9p virtio_net'
# Programs of a build, as far as it has them; and those of Debian that look at the drivers without us.
initramfs_programs='capture_check contract_encoder encoder_check castord castor-capture castor-encode castor-egress castor-slate castor-sound castor-record castorctl click_player'
initramfs_tools='v4l2-ctl v4l2-compliance'

# initramfs_file ROOT PATH - copies a program or library to the same place, with the libraries it needs.
initramfs_file() {
    mkdir -p "$1$(dirname "$2")"
    cp -L "$2" "$1$2"
    initramfs_libraries "$1" "$2"
}

# initramfs_libraries ROOT PROGRAM
initramfs_libraries() {
    ldd "$2" | sed -n -e 's/.* => \(\/[^ ]*\) .*/\1/p' -e 's/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' |
        while read -r library; do
            [ -e "$1$library" ] && continue
            mkdir -p "$1$(dirname "$library")"
            cp -L "$library" "$1$library"
        done
}

# initramfs_kernel ROOT - the modules and modules.dep of what is in there.
initramfs_kernel() {
    for module in $initramfs_modules; do
        modprobe --dirname "$kernel_root" --set-version "$kernel_abi" --show-depends "$module" >>"$1/modules.list" || {
            echo "tests/qemu: linux-image-$kernel_abi has no module $module" >&2
            return 1
        }
    done
    # Others are "builtin NAME".
    sed -n 's/^insmod \([^ ]*\).*/\1/p' "$1/modules.list" | sort -u >"$1/modules.files"
    while read -r file; do
        place=$1${file#"$kernel_root"}
        mkdir -p "$(dirname "$place")"
        cp "$file" "$place"
    done <"$1/modules.files"
    rm "$1/modules.list" "$1/modules.files"
    for list in modules.builtin modules.builtin.modinfo modules.order; do
        cp "$kernel_root/lib/modules/$kernel_abi/$list" "$1/lib/modules/$kernel_abi/"
    done
    depmod -b "$1" "$kernel_abi"
}

# initramfs_make WORK BIN GUEST - writes WORK/initramfs.
initramfs_make() {
    root=$1/root
    rm -rf "$root"
    mkdir -p "$root/bin" "$root/dev" "$root/proc" "$root/sys" "$root/tmp" "$root/out" "$root/castor/bin" \
        "$root/castor/lib" "$root/lib/modules/$kernel_abi"
    cp /bin/busybox "$root/bin/busybox"
    initramfs_kernel "$root" || return 1
    for program in $initramfs_programs; do
        [ -f "$2/$program" ] || continue
        cp "$2/$program" "$root/castor/bin/"
        initramfs_libraries "$root" "$2/$program"
    done
    # Loadable drivers; those that play files would bring a hundred libraries along.
    for module in "$2"/../lib/castor-*.so "$2/../lib/only_format.so" "$2/../lib/h264_face.so"; do
        case $module in */castor-source-clip.so | *'*'*) continue ;; esac
        cp "$module" "$root/castor/lib/"
        initramfs_libraries "$root" "$module"
    done
    for tool in $initramfs_tools; do
        initramfs_file "$root" "$(command -v "$tool")" || return 1
    done
    # What libasound reads before it opens any card.
    mkdir -p "$root/usr/share"
    cp -r /usr/share/alsa "$root/usr/share/"
    cp -r "$3/." "$root/castor/guest"
    cp "$3/init" "$root/init"
    chmod 755 "$root/init"
    (cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0) >"$1/initramfs"
}
