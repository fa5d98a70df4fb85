# For bats files that run davit beside the real docker CLI, both talking to the same davitd: what they print, where, and how they end.
#   load like_docker.bash          after it: the functions davit, docker, result and same; $SAMPLE, and containers up, ended, zeros, made

bats_require_minimum_version 1.5.0
load engine.bash

# Other versions of docker use other words.
has_docker_28() { [[ $(docker --version 2>/dev/null) == *" 28."* ]]; }

setup() { has_docker_28 || skip "there is no docker CLI of version 28 here"; }

setup_file() {
    has_docker_28 || return 0
    engine_start && engine_has_sample || return
    export TZ=UTC
    docker run -d --name up --label tier=web --label other=1 "$SAMPLE" sleep 1000 &&
        docker run -d --name ended "$SAMPLE" sh -c 'echo out; echo err >&2; exit 3' && [ "$(docker wait ended)" = 3 ] &&
        docker run --name zeros "$SAMPLE" sh -c 'yes | head -c 300000' >/dev/null && docker create --name made "$SAMPLE" true
}

teardown_file() {
    [ -z "${ENGINE_FOLDER-}" ] || { docker rm -f up ended zeros made >/dev/null && engine_stop; }
}

# What differs though it says the same: the program's name, random ids, docker's misprint, and ages with the blanks around
# them: a table's column is as wide as its longest age, and the clock goes on between the two programs.
plain() {
    sed -E -e "s|$DAVIT|docker|g; s/davit/docker/g; s/Davit/Docker/g; s/\b[0-9a-f]{64}\b/ID64/g; s/\b[0-9a-f]{12}\b/ID12/g" \
        -e 's/(Less than a second|About an? (minute|hour)|[0-9]+ (second|minute|hour|day|week|month|year)s?)( ago)?/AGE/g; s/ +/ /g; s/^SRun /Run /'
}

# result PROGRAM LINE: what a shell line with $X for the program, $S for the image and $T for a folder prints to both streams, and its exit code.
result() {
    local folder=$BATS_TEST_TMPDIR code=0
    X=$1 S=$SAMPLE T=$BATS_TEST_TMPDIR timeout 60 bash -c "$2" >"$folder/out" 2>"$folder/err" </dev/null || code=$?
    printf 'exit code %s\n--- out\n%s\n--- err\n%s\n' "$code" "$(plain <"$folder/out")" "$(plain <"$folder/err")"
}

# same: each line of standard input gives the same with both; all that differ are shown.
same() {
    local line one other differing=0
    while IFS= read -r line; do
        one=$(result docker "$line")
        other=$(result "$DAVIT" "$line")
        [ "$one" = "$other" ] && continue
        differing=$((differing + 1))
        echo "### $line"
        diff <(echo "$one") <(echo "$other") || true
    done
    [ "$differing" = 0 ]
}
