# SPDX-License-Identifier: Apache-2.0
# Debian's kernel, unpacked from its packages into a folder; nothing is installed. Sets kernel_abi
# (6.1.0-37-amd64), kernel_version (6.1.140-1) and kernel_root (where /boot and /lib/modules are).

# kernel_package FOLDER PACKAGE VERSION - downloads and unpacks it once.
kernel_package() {
    folder=$1 package=$2 version=$3
    [ -f "$folder/.unpacked-$package" ] && return 0
    echo "tests/qemu: fetching $package $version" >&2
    rm -rf "$folder/.download"
    mkdir -p "$folder/.download"
    (cd "$folder/.download" && apt-get download -q "$package=$version" >apt.log 2>&1) || {
        cat "$folder/.download/apt.log" >&2
        echo "tests/qemu: $package $version could not be downloaded; run \"apt-get update\" as root and try again" >&2
        return 1
    }
    dpkg-deb -x "$folder"/.download/*.deb "$folder" || return 1
    rm -rf "$folder/.download"
    : >"$folder/.unpacked-$package"
}

# kernel_prepare WORK ABI - ABI "" = the one that linux-image-amd64 depends on. vivid is in that flavour only: the
# cloud flavour has no media drivers.
kernel_prepare() {
    kernel_abi=$2
    if [ -z "$kernel_abi" ]; then
        # What has been unpacked stays in use: a test run does not change its kernel by itself.
        kernel_abi=$(ls "$1/kernel" 2>/dev/null | tail -n 1)
    fi
    if [ -z "$kernel_abi" ]; then
        kernel_abi=$(apt-cache depends --no-recommends --no-suggests linux-image-amd64 |
            sed -n 's/^ *Depends: linux-image-\([0-9].*-amd64\)$/\1/p' | head -n 1)
        [ -n "$kernel_abi" ] || {
            echo "tests/qemu: apt does not know linux-image-amd64; run \"apt-get update\" as root and try again" >&2
            return 1
        }
    fi
    kernel_root=$1/kernel/$kernel_abi
    mkdir -p "$kernel_root"
    if [ ! -f "$kernel_root/.version" ]; then
        apt-cache madison "linux-image-$kernel_abi" | awk '{print $3; exit}' >"$kernel_root/.version"
    fi
    kernel_version=$(cat "$kernel_root/.version")
    [ -n "$kernel_version" ] || {
        rm -f "$kernel_root/.version"
        echo "tests/qemu: there is no package linux-image-$kernel_abi" >&2
        return 1
    }
    kernel_package "$kernel_root" "linux-image-$kernel_abi" "$kernel_version" || return 1
    kernel_vicodec "$kernel_root" || return 1
    kernel_dmabuf "$kernel_root" || return 1
    [ -f "$kernel_root/lib/modules/$kernel_abi/modules.dep" ] || depmod -b "$kernel_root" "$kernel_abi"
}

# kernel_headers ROOT - the packages that modules are built with. Debian's makefiles name absolute paths.
kernel_headers() {
    [ -f "$1/.headers" ] && return 0
    series=$(echo "$kernel_abi" | cut -d. -f1,2)
    kernel_package "$1" "linux-headers-$kernel_abi" "$kernel_version" || return 1
    kernel_package "$1" "linux-headers-${kernel_abi%-amd64}-common" "$kernel_version" || return 1
    kernel_package "$1" "linux-kbuild-$series" "$kernel_version" || return 1
    sed -i "s#\(^\|[ =]\)/usr/#\1$1/usr/#g" "$1/usr/src/linux-headers-$kernel_abi/Makefile"
    : >"$1/.headers"
}

# kernel_vicodec ROOT - the stateful codec driver, which Debian does not switch on, and v4l2-mem2mem below it, built
# from the sources of the same version as modules outside the tree.
kernel_vicodec() {
    modules=$1/lib/modules/$kernel_abi/extra
    [ -f "$modules/vicodec.ko" ] && return 0
    [ -z "$(find "$1/lib/modules/$kernel_abi/kernel" -name 'vicodec.ko*')" ] || return 0
    series=$(echo "$kernel_abi" | cut -d. -f1,2)
    kernel_headers "$1" || return 1
    kernel_package "$1" "linux-source-$series" "$kernel_version" || return 1
    media=linux-source-$series/drivers/media
    build=$1/vicodec
    rm -rf "$build"
    mkdir -p "$build"
    tar -xf "$1/usr/src/linux-source-$series.tar.xz" -C "$build" "$media/test-drivers/vicodec" \
        "$media/v4l2-core/v4l2-mem2mem.c" || return 1
    mv "$build/$media/test-drivers/vicodec"/* "$build/"
    objects=vicodec.o
    if [ -z "$(find "$1/lib/modules/$kernel_abi/kernel" -name 'v4l2-mem2mem.ko*')" ]; then
        mv "$build/$media/v4l2-core/v4l2-mem2mem.c" "$build/"
        objects="v4l2-mem2mem.o vicodec.o"
    fi
    rm -rf "$build/linux-source-$series"
    cat >"$build/Kbuild" <<END
vicodec-objs := vicodec-core.o codec-fwht.o codec-v4l2-fwht.o
obj-m := $objects
END
    rm -f "$build/Makefile"
    make -C "$1/usr/src/linux-headers-$kernel_abi" "M=$build" modules >"$build/build.log" 2>&1 || {
        tail -n 30 "$build/build.log" >&2
        echo "tests/qemu: vicodec did not build; the whole log: $build/build.log" >&2
        return 1
    }
    mkdir -p "$modules"
    cp "$build"/*.ko "$modules/"
    rm -f "$1/lib/modules/$kernel_abi/modules.dep"
}

# kernel_dmabuf ROOT - the allocators of DMA-BUFs, which Debian switches off and which cannot be switched on as
# modules: built outside the tree all the same, each as one piece, with what the kernel does not export to modules
# said in other words. What they do with memory is the kernel's own text.
kernel_dmabuf() {
    modules=$1/lib/modules/$kernel_abi/extra
    [ -f "$modules/castor_udmabuf.ko" ] && return 0
    series=$(echo "$kernel_abi" | cut -d. -f1,2)
    kernel_headers "$1" || return 1
    kernel_package "$1" "linux-source-$series" "$kernel_version" || return 1
    sources=linux-source-$series/drivers/dma-buf
    build=$1/dmabuf
    rm -rf "$build"
    mkdir -p "$build" "$modules"
    tar -xf "$1/usr/src/linux-source-$series.tar.xz" -C "$build" --strip-components=3 "$sources/udmabuf.c" \
        "$sources/dma-heap.c" "$sources/heaps/system_heap.c" || return 1
    cat >"$build/castor_heap.c" <<'END'
#include <linux/module.h>
#undef subsys_initcall
#define subsys_initcall(function)
#include "dma-heap.c"
#undef module_init
#define module_init(function)
#include "heaps/system_heap.c"
int init_module(void)
{
	int error = dma_heap_init();

	return error ? error : system_heap_create();
}
MODULE_IMPORT_NS(DMA_BUF);
END
    cat >"$build/castor_udmabuf.c" <<'END'
#include <linux/module.h>
#include <linux/memfd.h>
#include <linux/shmem_fs.h>
#include <linux/hugetlb.h>
#define memfd_fcntl(file, command, argument) ((int)SHMEM_I(file_inode(file))->seals)
#define is_file_hugepages(file) false
#define shmem_mapping(mapping) ((mapping)->a_ops == &shmem_aops)
#include "udmabuf.c"
MODULE_IMPORT_NS(DMA_BUF);
END
    echo 'obj-m := castor_heap.o castor_udmabuf.o' >"$build/Kbuild"
    make -C "$1/usr/src/linux-headers-$kernel_abi" "M=$build" modules >"$build/build.log" 2>&1 || {
        tail -n 30 "$build/build.log" >&2
        echo "tests/qemu: the allocators of DMA-BUFs did not build; the whole log: $build/build.log" >&2
        return 1
    }
    cp "$build"/*.ko "$modules/"
    rm -f "$1/lib/modules/$kernel_abi/modules.dep"
}
