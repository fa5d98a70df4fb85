# The world that every suite runs in keeps what is in it to itself, and ends with what was started in it.

load engine.bash

setup() {
    world=$tests/../own_world
}

@test "a world begins with no link but loopback, and its links are not the caller's" {
    run "$world" bash -c 'ls /sys/class/net; ip link add inside0 type veth peer name inside1'
    [ "$status" = 0 ]
    [ "$output" = lo ]
    [ ! -e /sys/class/net/inside0 ]
}

@test "the command's exit code is the world's" {
    run "$world" bash -c 'exit 7'
    [ "$status" = 7 ]
}

@test "processes that are left running end with the world, and no cgroup stays" {
    mark=$BATS_TEST_TMPDIR/started
    run "$world" bash -c "(setsid sleep 5000.$$ & echo >$mark) >/dev/null 2>&1; mkdir -p /sys/fs/cgroup/*/left 2>/dev/null; true"
    [ -e "$mark" ]
    ! grep -lsz "^5000.$$\$" /proc/[0-9]*/cmdline
    [ -z "$(find /sys/fs/cgroup -maxdepth 2 -name 'davit-test-*')" ]
}

@test "cgroups inside begin at a root of their own" {
    run "$world" bash -c 'cut -d: -f3 /proc/self/cgroup | sort -u'
    [ "$status" = 0 ]
    [[ "$output" =~ ^/($'\n'/tests)?$ || "$output" = /tests ]]
}
