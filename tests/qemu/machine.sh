# SPDX-License-Identifier: Apache-2.0
# The emulated machine. It has no disk: its file system is the initramfs, and it writes its results into a folder of
# ours through virtio-9p.

# machine_probe BIN OUT - starts castor-probe outside of the machine, for the box inside (test 60-on-air). Sets probe
# and probe_port. Only what holds however slow the machine is gets a limit: a path was changed, and no frame came twice
# or out of order. What is lost is told, not judged: an emulated processor captures late and drops at the receiver.
machine_probe() {
    probe=
    probe_port=
    [ -x "$1/castor-probe" ] || return 0
    for port in 9741 9742 9743 9744 9745; do
        "$1/castor-probe" "srt://127.0.0.1:$port?mode=listener&latency=5000" --quiet --idle-timeout 3600 \
            --min-frames 80 --min-changes 1 --max-repeated 0 --max-out-of-order 0 --max-pts-backwards 0 \
            --max-first-not-idr 0 --decode --min-pictures 80 --max-decode-errors 0 \
            --json-file "$2/probe.json" >"$2/probe.txt" 2>&1 &
        probe=$!
        sleep 1 # a port that is taken ends it at once
        kill -0 "$probe" 2>/dev/null && probe_port=$port && return 0
    done
    probe=
}

# machine_probe_end OUT - ends it, so that it writes its report, and notes what it found.
machine_probe_end() {
    [ -n "$probe" ] || return 0
    kill -TERM "$probe" 2>/dev/null || :
    probe_status=0
    wait "$probe" || probe_status=$?
    probe=
    seen=$(sed '/^Arrival/q' "$1/probe.txt" | grep -E '^  (received|lost|changes of path or epoch) ' | tr -s ' ' |
        tr '\n' ';')
    if [ "$probe_status" -eq 0 ]; then
        echo "ok on_air_probe$seen" >>"$1/results"
    else
        echo "not ok on_air_probe status $probe_status:$seen $(tail -n 1 "$1/probe.txt"); see probe.txt" >>"$1/results"
    fi
}

# machine_sound BIN OUT - starts a receiver outside of the machine, for the box inside (test 80-sound-card). Sets sound
# and sound_port.
machine_sound() {
    sound=
    sound_port=
    [ -x "$1/av_offset" ] || return 0
    for port in 9751 9752 9753 9754 9755; do
        srt-live-transmit -q "srt://127.0.0.1:$port?mode=listener&latency=5000" "file://con" >"$2/sound.ts" \
            2>"$2/sound.txt" &
        sound=$!
        sleep 1 # a port that is taken ends it at once
        kill -0 "$sound" 2>/dev/null && sound_port=$port && return 0
    done
    sound=
}

# machine_sound_end BIN OUT - ends it and measures what it got.
# An emulated processor captures late and loses frames, and with them flashes: these are told, not judged.
machine_sound_end() {
    [ -n "$sound" ] || return 0
    kill -TERM "$sound" 2>/dev/null || :
    wait "$sound" || :
    sound=
    sound_status=0
    "$1/av_offset" --may-miss 1000000 --least 20 "$2/sound.ts" >"$2/sound.txt" 2>&1 ||
        sound_status=$?
    seen=$(grep -E '^(seconds|offset|first)' "$2/sound.txt" | tr '\n' ';')
    if [ "$sound_status" -eq 0 ]; then
        echo "ok sound_offset $seen" >>"$2/results"
    else
        echo "not ok sound_offset status $sound_status: $seen see sound.txt" >>"$2/results"
    fi
}

# machine_run WORK BIN OUT SECONDS MEMORY_MB PROCESSORS TEST... - what the machine wrote is in OUT afterwards.
machine_run() {
    work=$1 bin=$2 out=$3 seconds=$4 memory_mb=$5 processors=$6
    shift 6
    rm -rf "$out"
    mkdir -p "$out"
    names=$(echo "$@" | tr ' ' ,)
    probe= sound= sound_port=
    case " $* " in *" 60-on-air "*) machine_probe "$bin" "$out" ;; esac
    case " $* " in *" 80-sound-card "*) machine_sound "$bin" "$out" ;; esac
    trap 'machine_probe_end "$out"; machine_sound_end "$bin" "$out"' EXIT
    trap 'exit 130' INT TERM
    started=$(date +%s)
    # cryptomgr.notests and no random wait: they cost seconds here. mitigations=off: nobody shares this machine.
    timeout --kill-after=10 "$seconds" qemu-system-x86_64 \
        -nodefaults -no-user-config -display none -no-reboot \
        -machine q35,accel=tcg -cpu "${CASTOR_QEMU_CPU:-qemu64,+ssse3,+sse4.1,+sse4.2,+rdrand}" -smp "$processors" -m "$memory_mb" \
        -kernel "$kernel_root/boot/vmlinuz-$kernel_abi" -initrd "$work/initramfs" \
        -append "console=ttyS0 loglevel=4 panic=-1 random.trust_cpu=on mitigations=off cryptomgr.notests audit=0 castor.tests=$names${probe_port:+ castor.probe=$probe_port}${sound_port:+ castor.sound=$sound_port castor.sound_seconds=$sound_seconds}" \
        -serial "file:$out/console.log" \
        -virtfs "local,path=$out,mount_tag=out,security_model=none,id=out" \
        -netdev user,id=net -device virtio-net-pci,netdev=net,romfile= \
        >"$out/qemu.log" 2>&1 </dev/null || {
        echo "tests/qemu: the machine did not come to an end within $seconds s or failed:" >&2
        cat "$out/qemu.log" >&2
        tail -n 20 "$out/console.log" >&2 || :
        return 1
    }
    machine_probe_end "$out"
    machine_sound_end "$bin" "$out"
    echo "kernel $kernel_abi ($kernel_version), $processors emulated processors: $(($(date +%s) - started)) s in all," \
        "init after $(sed -n 's/^init \(.*\)/\1/p' "$out/times" 2>/dev/null || echo '?') s"
}

# machine_judge OUT - prints every result; fails when one does not hold or the guest did not finish.
machine_judge() {
    [ -f "$1/results" ] && cat "$1/results"
    if [ ! -f "$1/done" ]; then
        echo "tests/qemu: the guest did not finish; the end of its console:" >&2
        tail -n 20 "$1/console.log" >&2
        return 2
    fi
    held=$(grep -c '^ok ' "$1/results" || :)
    failed=$(grep -c '^not ok ' "$1/results" || :)
    known=$(grep -c '^known ' "$1/results" || :)
    skipped=$(grep -c '^skip ' "$1/results" || :)
    echo "$held hold, $failed do not, $known defects are known, $skipped skipped; records in $1"
    [ "$failed" -eq 0 ] && [ "$held" -gt 0 ]
}
