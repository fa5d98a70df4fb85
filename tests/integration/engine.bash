# For bats files: a davitd of one's own.
#   load engine.bash
#   setup_file() { engine_start && engine_has_sample; }      flags for davitd may follow engine_start
#   teardown_file() { engine_stop; }
# After engine_start: $DOCKER_HOST, $ENGINE_FOLDER, $ENGINE_PID, $ENGINE_REGISTRY, the functions davit and (if there) docker.

tests=${BASH_SOURCE[0]%/*}

engine_start() {
    local said
    host_state=$BATS_FILE_TMPDIR/host_state
    python3 "$tests/host_state.py" take "$host_state" || return
    said=$(python3 "$tests/private_engine.py" start "$@") || return
    eval "$said"
    export host_state DOCKER_HOST
}

# Pushes the sample image into the engine's own registry and pulls it; $SAMPLE is its name.
engine_has_sample() {
    export SAMPLE=$ENGINE_REGISTRY/sample:latest
    "$tests/../../images/sample/build" "$BATS_FILE_TMPDIR/sample" &&
        "$tests/../../images/push" "$BATS_FILE_TMPDIR/sample" "$SAMPLE" && davit pull "$SAMPLE"
}

engine_kill() { python3 "$tests/private_engine.py" kill "$ENGINE_FOLDER"; }

# Stops davitd if it runs, and starts it again on the same roots.
engine_restart() {
    local said
    said=$(python3 "$tests/private_engine.py" restart "$ENGINE_FOLDER") && eval "$said"
}

# Fails when davitd ended badly, or a process, mount, link, namespace, cgroup or rule of a container is left.
engine_stop() {
    python3 "$tests/private_engine.py" stop "$ENGINE_FOLDER" && nothing_is_left
}

# The bridge, the firewall's table and the engine's own cgroup belong to the engine, not to a container, and may stay.
nothing_is_left() {
    python3 "$tests/host_state.py" compare "$host_state" '^link davit-test0 |^nftables |/davit is left'
}

davit() { "$DAVIT" -H "$DOCKER_HOST" "$@"; }
