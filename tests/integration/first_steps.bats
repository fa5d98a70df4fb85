# The docker CLI's first steps, unmodified, against a davitd of one's own; twice, with warm sandboxes and without.

bats_require_minimum_version 1.5.0
load engine.bash

setup_file() {
    command -v docker >/dev/null || skip "there is no docker CLI here"
    engine_start --sandbox-stock "${STOCK:-4}" && engine_has_sample
}

teardown_file() {
    [ -z "$ENGINE_FOLDER" ] || engine_stop
}

setup() { name=c$BATS_TEST_NUMBER; }

teardown() { docker rm -f "$name" >/dev/null 2>&1 || true; }

# until_logged NAME TEXT: a container that has been started has said so.
until_logged() {
    for _ in $(seq 200); do
        docker logs "$1" 2>&1 | grep -q "$2" && return
        sleep 0.05
    done
    return 1
}

@test "version and info tell of the server" {
    run docker version --format '{{.Server.Version}} {{.Server.Os}}'
    [ "$status" = 0 ] && [[ "$output" == *" linux" ]]
    run docker info --format '{{.Driver}} {{.OSType}}'
    [ "$output" = "overlay linux" ] || [ "$output" = "overlay2 linux" ] || [ "$output" = "vfs linux" ]
}

@test "an image is pulled, listed, inspected, removed and pulled again" {
    run docker images --format '{{.Repository}}:{{.Tag}}'
    [ "$output" = "$SAMPLE" ]
    [[ "$(docker images --format '{{.CreatedAt}}')" == 2* ]]
    [ "$(docker inspect --format '{{index .RepoTags 0}}' "$SAMPLE")" = "$SAMPLE" ]
    run docker rmi "$SAMPLE"
    [ "$status" = 0 ] && [[ "$output" == *"Untagged: $SAMPLE"* && "$output" == *"Deleted: sha256:"* ]]
    [ -z "$(docker images -q)" ]
    run docker pull "$SAMPLE"
    [ "$status" = 0 ] && [[ "$output" == *"Status: Downloaded newer image for $SAMPLE"* ]]
    run docker pull "$SAMPLE"
    [[ "$output" == *"Status: Image is up to date for $SAMPLE"* ]]
}

@test "a run's exit code is the program's, and --rm leaves no container" {
    run docker run --rm "$SAMPLE" true
    [ "$status" = 0 ] && [ -z "$output" ]
    run docker run --rm "$SAMPLE" sh -c 'exit 42'
    [ "$status" = 42 ]
    [ -z "$(docker ps -aq)" ]
}

@test "a start that fails gives 125, 126 or 127 and names the file" {
    run -127 docker run --rm "$SAMPLE" nope
    [ "$status" = 127 ] && [[ "$output" == *'exec: "nope": executable file not found in $PATH'* ]]
    run docker run --rm "$SAMPLE" /etc/passwd
    [ "$status" = 126 ] && [[ "$output" == */etc/passwd*"permission denied"* ]]
    run docker run --rm --network no-such-network "$SAMPLE" true
    [ "$status" = 125 ] && [[ "$output" == *no-such-network* ]]
    [ -z "$(docker ps -aq)" ]
}

@test "environment, directory, user, entrypoint and host name are as asked" {
    [ "$(docker run --rm -e GREETING=hello "$SAMPLE" sh -c 'echo $GREETING')" = hello ]
    [ "$(docker run --rm -w /var/made "$SAMPLE" pwd)" = /var/made ]
    [ "$(docker run --rm -u 1234:567 "$SAMPLE" sh -c 'id -u; id -g')" = "1234"$'\n'"567" ]
    [ "$(docker run --rm -u root "$SAMPLE" id -u)" = 0 ]
    run docker run --rm -u nobody-knows-me "$SAMPLE" true
    [ "$status" != 0 ] && [[ "$output" == *nobody-knows-me* ]]
    [ "$(docker run --rm --entrypoint echo "$SAMPLE" a b)" = "a b" ]
    [ "$(docker run --rm --hostname here "$SAMPLE" hostname)" = here ]
}

@test "piped input reaches the program, and its end too" {
    [ "$(printf 'one\ntwo\n' | docker run --rm -i "$SAMPLE" wc -l | tr -d ' ')" = 2 ]
    head -c 3000000 /dev/zero >"$BATS_TEST_TMPDIR/zeros"
    [ "$(docker run --rm -i "$SAMPLE" cat <"$BATS_TEST_TMPDIR/zeros" | cmp - "$BATS_TEST_TMPDIR/zeros" && echo same)" = same ]
}

@test "a terminal is one inside too" {
    run script -qec "docker -H $DOCKER_HOST run --rm -t $SAMPLE tty" /dev/null
    [ "$status" = 0 ] && [[ "$output" == *"/dev/pts/"* || "$output" == *"/dev/console"* ]]
}

@test "networks none, host and bridge have the links that they should" {
    [ "$(docker run --rm --network none "$SAMPLE" ls /sys/class/net)" = lo ]
    docker run --rm --network host "$SAMPLE" ls /sys/class/net | grep -qx davit-test0
    docker run --rm "$SAMPLE" ls /sys/class/net | grep -qx eth0
}

@test "a container in the background is listed, logged, stopped, started again and removed" {
    id=$(docker run -d --name "$name" "$SAMPLE" sh -c 'trap "exit 5" TERM; echo up; while :; do sleep 0.1; done')
    [ "$(docker ps -q --no-trunc)" = "$id" ]
    until_logged "$name" up
    run docker rm "$name"
    [ "$status" = 1 ] && [[ "$output" == *"container is running: stop the container before removing or force remove"* ]]
    docker stop "$name"
    [ "$(docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$name")" = "exited 5" ]
    docker restart "$name"
    [ "$(docker inspect -f '{{.State.Running}}' "$name")" = true ]
    docker kill "$name"
    [ "$(docker wait "$name")" = 137 ]
    docker rm "$name"
    run docker inspect "$name"
    [ "$status" = 1 ] && [[ "$output" == *"No such"*"$name"* ]]
}

@test "logs keep the streams apart, and follow, tail, since and timestamps do what they say" {
    docker run --name "$name" "$SAMPLE" sh -c 'for i in 1 2 3; do echo out $i; done; echo err >&2' >/dev/null 2>&1
    [ "$(docker logs "$name" 2>/dev/null)" = "out 1"$'\n'"out 2"$'\n'"out 3" ]
    [ "$(docker logs "$name" 2>&1 >/dev/null)" = err ]
    [ "$(docker logs --tail 2 "$name" 2>&1 | wc -l)" = 2 ]
    [ "$(docker logs --since 1h "$name" 2>/dev/null | wc -l)" = 3 ]
    [ -z "$(docker logs --since 2099-01-01 "$name" 2>&1)" ]
    docker logs -t "$name" 2>/dev/null | head -n 1 | grep -qE '^20[0-9-]+T[0-9:.]+Z out 1$'
}

@test "a log that is followed ends when the container does" {
    docker run -d --name "$name" "$SAMPLE" sh -c 'for i in 1 2 3; do echo $i; sleep 0.2; done'
    [ "$(timeout 20 docker logs -f "$name" | tr '\n' ' ')" = "1 2 3 " ]
}

@test "attach shows what comes, and the detach keys leave the container running" {
    docker run -dit --name "$name" "$SAMPLE" sh
    run script -qec "(sleep 1; printf 'echo typed-\$((40+2))\n'; sleep 1; printf '\020\021'; sleep 1) | script -qec 'docker -H $DOCKER_HOST attach $name' /dev/null" /dev/null
    [[ "$output" == *typed-42* ]]
    [ "$(docker inspect -f '{{.State.Running}}' "$name")" = true ]
    docker rm -f "$name"
}

@test "events tell a container's life in order" {
    since=$(date +%s)
    docker run --rm --name "$name" "$SAMPLE" true
    run docker events --since "$since" --until "$(($(date +%s) + 1))" --filter "container=$name" --format '{{.Action}}'
    [[ "$(tr '\n' ' ' <<<"$output")" == "create "*"start "*"die "*"destroy "* ]]
}
