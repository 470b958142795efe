# SPDX-License-Identifier: Apache-2.0
# What guest tests share. A result is one line in /out/results: ok, not ok, known (a defect that
# is known), skip or note; a name; what was seen.

result() {
    echo "$@" >>/out/results
    echo "$@"
}
ok() { result ok "$@"; }
not_ok() { result not ok "$@"; }
known() { result known "$@"; }
skip() { result skip "$@"; }
note() { result note "$@"; }

# check NAME COMMAND... - holds when the command ends with 0; the last line of its output is what was seen.
check() {
    name=$1
    shift
    expect "$name" 0 "$@"
}

# expect NAME STATUS COMMAND... - holds when the command ends with this status.
expect() {
    name=$1 expected=$2
    shift 2
    "$@" >/tmp/seen 2>&1
    status=$?
    cat /tmp/seen
    if [ "$status" -eq "$expected" ]; then
        ok "$name" "$(tail -n 1 /tmp/seen)"
    else
        not_ok "$name" "status $status, expected $expected: $(tail -n 1 /tmp/seen)"
        return 1
    fi
}

# record FILE COMMAND... - output into /out/FILE; what the kernel's own driver does is a record, not a judgement.
record() {
    file=$1
    shift
    echo "# $*" >>"/out/$file"
    timeout -s KILL 120 "$@" >>"/out/$file" 2>&1
    record_status=$?
    echo "# status $record_status" >>"/out/$file"
}

# video_device NAME - the node of the V4L2 device with exactly this name; empty when there is none.
video_device() {
    for entry in /sys/class/video4linux/*; do
        [ -e "$entry/name" ] || continue
        if [ "$(cat "$entry/name")" = "$1" ]; then
            echo "/dev/${entry##*/}"
            return
        fi
    done
}

# video_device_coding FOURCC - the node whose capture side delivers this coded format.
video_device_coding() {
    for device in /dev/video*; do
        if v4l2-ctl -d "$device" --list-formats 2>/dev/null | grep -q "'$1'"; then
            echo "$device"
            return
        fi
    done
}

# has_source NAME, has_encoder NAME - whether this build has the driver.
has_source() { capture_check --list | grep -qx "$1"; }
has_encoder() { encoder_check --list | grep -qx "$1"; }

# vivid_load PARAMETER... - vivid anew, with capture nodes only.
vivid_load() {
    rmmod vivid 2>/dev/null
    modprobe vivid "$@"
}

# vivid_bars DEVICE [QUANTIZATION] - a still picture that the comparison knows: 75 % bars in BT.709, no text, nothing
# moving. QUANTIZATION: 0 the format's default, 1 full range, 2 limited range.
vivid_bars() {
    ycbcr=$(v4l2-ctl -d "$1" -l | sed -n 's/^ *\([a-z0-9_]*cbcr_encoding\) .*/\1/p')
    for setting in test_pattern=0 osd_text_mode=2 colorspace=1 transfer_function=2 "$ycbcr=2" "quantization=${2:-0}"; do
        v4l2-ctl -d "$1" -c "$setting" || note vivid_setting "$setting is refused"
    done
}

# contract NAME - vicodec is loaded: the contract suite of encoders, all of it, on the kernel's driver.
contract() {
    device_name=$1
    export LD_PRELOAD=/castor/lib/h264_face.so
    check "$device_name.probe" encoder_check v4l2m2m
    contract_encoder v4l2m2m >"/out/$device_name.contract.txt" 2>&1
    status=$?
    unset LD_PRELOAD
    passed=$(grep -c '^\[       OK' "/out/$device_name.contract.txt")
    pictures=$(sed -n 's/^h264_face: \([0-9]*\) pictures.*/\1/p' "/out/$device_name.contract.txt" | awk '{ n += $1 } END { print n }')
    worst=$(sed -n 's/^h264_face.* luma \([0-9.]*\) dB/\1/p' "/out/$device_name.contract.txt" | sort -n | head -n 1)
    seen="$passed tests passed; $pictures pictures equal to their source, the worst $worst dB"
    if [ $status -eq 0 ]; then
        ok "$device_name.contract" "$seen"
    else
        not_ok "$device_name.contract" "status $status, $seen; $(tail -n 2 "/out/$device_name.contract.txt" | tr '\n' ' ')"
    fi
}
