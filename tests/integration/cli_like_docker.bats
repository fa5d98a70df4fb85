# davit beside the real docker CLI, both talking to the same davitd: what they print, where, and how they end.

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

# What differs though it says the same: the program's name, random ids, ages in seconds, and docker's misprint.
plain() {
    sed -E -e "s|$DAVIT|docker|g; s/davit/docker/g; s/Davit/Docker/g; s/\b[0-9a-f]{64}\b/ID64/g; s/\b[0-9a-f]{12}\b/ID12/g" \
        -e 's/(Less than a second|About a minute|[0-9]+ (seconds?|minutes))( ago)?/AGE/g; s/ +/ /g; s/^SRun /Run /'
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

@test "wrong flags end with 125, docker's words and the usage" {
    same <<'LINES'
$X --nope
$X -x
$X ps --nope
$X ps -x
$X ps --format
$X ps -n x
$X run --nope
$X run -Z
$X run --name
$X run --rm=maybe $S true
$X run --stop-timeout x $S true
$X run -m 12zz $S true
$X run --memory x $S true
$X run --cpus x $S true
$X run --ulimit x $S true
$X run --ulimit nofile=x $S true
$X run -a stdfoo $S true
$X run -e =x $S true
$X run -l =x $S true
$X create --nope
$X create -m 12zz $S
$X stop -t x up
$X restart --time x up
$X ps --filter x
$X images --filter x
$X events --filter x
$X container --nope
LINES
}

@test "wrong numbers of arguments end with 1" {
    same <<'LINES'
$X stop
$X container stop
$X start
$X restart
$X kill
$X rm
$X rmi
$X image rm
$X wait
$X run
$X create
$X inspect
$X container inspect
$X pull
$X pull a b
$X logs
$X logs a b
$X attach
$X ps extra
$X container ls extra
$X images a b
$X info extra
$X version extra
$X events extra
LINES
}

@test "unknown commands are named" {
    same <<'LINES'
$X nope
$X nope nope
$X container nope
$X image nope
$X help nope
$X --log-level nope ps
LINES
}

@test "every command has a help, and groups list their commands" {
    for command in run create ps pull images info version attach events inspect kill logs restart rm rmi start stop wait; do
        run --separate-stderr davit "$command" --help
        [ "$status" = 0 ] && [ -z "$stderr" ]
        [[ $output == "Usage:  davit $command "* ]] || { echo "$command: $output" && false; }
        [ "$(davit help "$command")" = "$output" ]
    done
    for group in container image system; do
        run davit "$group" --help
        [ "$status" = 0 ] && [[ $output == "Usage:  davit $group COMMAND"*Commands:* ]]
    done
    run davit --help
    [ "$status" = 0 ] && [[ $output == *"Management Commands:"*"  run "*"Global Options:"* ]]
    run --separate-stderr davit
    [ "$status" = 0 ] && [ -z "$output" ] && [[ $stderr == "Usage:  davit "* ]]
}

@test "run ends with its program's code, or with 125, 126 or 127 and docker's words" {
    same <<'LINES'
$X run --rm $S true
$X run --rm $S sh -c 'echo a; echo b >&2; exit 42'
$X run --rm $S nope
$X run --rm $S /etc/passwd
$X run --rm $S /etc
$X run --rm --entrypoint /nope $S
$X run --rm --entrypoint '' $S
$X run --rm -u nobodyknows $S true
$X run --rm --name up $S true
$X run --rm --name 'bad name' $S true
$X run --rm --hostname 'a b' $S true
$X run --rm --restart always $S true
$X run --rm --restart on-failure:x $S true
$X run --rm --env-file /nope $S true
$X run --rm --log-driver nope $S true
$X run --rm --cap-add nope $S true
$X run --rm --stop-signal NOPE $S true
$X run --rm --pull sometimes $S true
$X run --rm --pull never nope
$X run --rm UPPER true
$X run --rm '' true
$X run --rm 0000000000000000000000000000000000000000000000000000000000000000 true
$X create --pull sometimes $S
$X create UPPER
$X create --env-file /nope $S
$X create --name up $S
$X run nope.invalid/nope
$X run --rm --pull always $S true
$X run -q --rm --pull always $S true
LINES
}

@test "what run is asked for reaches the program" {
    same <<'LINES'
echo hi | $X run --rm -i $S cat
echo hi | $X run --rm -i -a stdin -a stdout $S cat
$X run --rm -a STDERR $S sh -c 'echo a; echo b >&2'
$X run --rm -w /x/y $S pwd
FOO=5 $X run --rm -e FOO -e BAR=1 -e NONE $S sh -c 'echo $FOO $BAR ${NONE-none}'
$X run --rm -u 5:6 $S id
$X run --rm -h here $S hostname
$X run --rm --network none $S ls /sys/class/net
$X run --rm --read-only $S touch /x
$X run --rm --ulimit nofile=100 $S sh -c 'ulimit -n'
$X run --rm --tmpfs /t $S sh -c 'touch /t/x && echo ok'
$X run --rm --entrypoint echo $S a b
$X run --rm --stop-timeout 3 --stop-signal INT --label a=b --cap-drop all $S true
$X run --rm --cidfile $T/id $S true; cat $T/id; $X run --cidfile $T/id $S true; rm $T/id
$X run -d --rm $S true
LINES
}

@test "a terminal that is not there, and attach with detach, are refused before anything is made" {
    same <<'LINES'
$X run --rm -it $S true
$X run --rm -dit $S true
$X run -d -a stdout $S true
$X run -d -a stdin -i $S true
LINES
    [ -z "$(docker ps -aq --filter status=created --filter name=_)" ]
}

@test "things that are not there are named, and what is there is still done" {
    same <<'LINES'
$X start nope
$X start nope other
$X start -a nope
$X start -a nope other
$X stop nope
$X restart nope
$X kill nope
$X rm nope
$X rm -f nope
$X rmi nope
$X rmi -f nope
$X rmi UPPER
$X wait nope
$X wait ended nope ended
$X logs nope
$X attach nope
$X attach ended
$X inspect nope
$X inspect nope ended
$X inspect --type nope ended
$X inspect --type image nope
$X container inspect nope
$X image inspect nope
$X kill ended
$X kill -s BAD up
$X kill -s 99 up
$X rm up
$X rm up nope
$X create --name a1 $S true >/dev/null; $X rm -f nope a1 nope2
$X create --name a1 $S sh -c 'exit 4' >/dev/null; $X start -a a1; echo $?; $X rm a1
$X stop -t 0 ended
$X pull UPPER
$X pull nope.invalid/x
$X pull ${S%%/*}/absent
$X pull ${S%:*}:absent
$X pull -a $S
LINES
}

@test "an image is pulled with the same lines" {
    same <<'LINES'
$X pull $S
$X pull -q $S
$X pull ${S%:*}
$X pull -a ${S%:*}
LINES
}

@test "lists are the same as tables, as JSON and by templates" {
    same <<'LINES'
$X ps
$X ps -a
$X ps -q
$X ps -aq
$X ps -q --no-trunc
$X ps -a --no-trunc
$X ps -as
$X ps -l
$X ps -n 2
$X ps -a --filter status=exited
$X ps -a --filter name=e --filter exited=3
$X ps --filter label=tier
$X ps -a --filter ancestor=$S --format '{{.Names}}'
$X ps -a --filter foo=bar
$X ps -a --format json
$X ps -a --format '{{json .}}'
$X ps -a --format '{{.Names}} {{.Size}}'
$X ps -a --format 'table {{.Names}}\t{{.Labels}}\t{{.State}}\t{{.Networks}}\t{{.Mounts}}\t{{.LocalVolumes}}\t{{.Image}}'
$X ps -a --format 'table {{.Names}}\t{{.Label "tier"}}'
$X ps -a --format '{{.Names}}: {{.Label "tier"}} {{upper .State}}'
$X ps -a --format '{{.Nope'
$X ps --format '{{nope .ID}}'
$X container ls -a
$X container list -q
$X images
$X images -q
$X images -q --no-trunc
$X images --no-trunc
$X images --digests
$X images --format json
$X images --format '{{.Repository}}:{{.Tag}} {{.Size}} {{.CreatedAt}} {{.Digest}}'
$X images --format 'table {{.ID}}\t{{.Repository}}'
$X images --filter dangling=true
$X images --filter reference='*nope*'
$X images --filter foo=bar
$X images nope
$X images ${S%:*}
$X image ls $S --format table
$X images --format '{{.Nope'
LINES
}

@test "inspect shows objects whole and by templates" {
    same <<'LINES'
$X inspect up
$X inspect up ended $S
$X inspect -s ended --format '{{.SizeRw}}'
$X inspect $S
$X inspect up $S ended nope --format '{{.Id}}'
$X inspect -f json ended
$X inspect -f '{{json .State}}' ended
$X inspect -f '{{.Config.Labels}} {{.HostConfig.Binds}} {{.NetworkSettings.IPAddress}}' up
$X inspect -f '{{.HostConfig.PortBindings}}|{{.Config.Volumes}}|{{.Config.Entrypoint}}|{{.HostConfig.MemorySwappiness}}' up
$X inspect -f '{{range .Config.Env}}{{println .}}{{end}}' up
$X inspect -f '{{len .Config.Env}} {{index .Config.Env 0}}' up
$X inspect -f '{{if .State.Running}}yes{{else}}no{{end}}' up ended
$X inspect -f '{{.State.Nope}}' up
$X inspect -f '{{.Nope}}' up
$X inspect -f '{{.Nope' up
$X inspect -f '{{.Name}}' up nope
$X container inspect up -f '{{.Name}}'
$X image inspect $S -f '{{.RepoTags}} {{.Size}}'
$X image inspect up
LINES
}

@test "logs are the same in all their variants" {
    same <<'LINES'
$X logs ended
$X logs -t ended
$X logs --tail 1 ended
$X logs --tail x ended
$X logs --tail -1 ended
$X logs -n 0 ended
$X logs -f ended
$X logs --details -t ended
$X logs --since 1h ended
$X logs --since 2099-01-01 ended
$X logs --since x ended
$X logs --until 1h ended
$X logs --until 0 ended
$X logs zeros | head -c 10; echo ${PIPESTATUS[0]}
LINES
}

@test "events are the same as text, as JSON and by templates" {
    until=$(date +%s)
    sed "s/UNTIL/$until/" <<'LINES' | same
$X events --since 1h --until UNTIL
$X events --since 1h --until UNTIL --format '{{.Action}} {{.Type}} {{.Actor.ID}}'
$X events --since 1h --until UNTIL --format json
$X events --since 1h --until UNTIL --format '{{json .}}'
$X events --since 1h --until UNTIL --format '{{.Status}} {{.ID}} {{.From}} {{.TimeNano}}'
$X events --since 1h --until UNTIL --filter container=ended --filter event=die
$X events --since 1h --until UNTIL --filter type=nope
$X events --since x
$X events --since 1h --until UNTIL --format '{{.Nope'
LINES
}

@test "version and info say the same of the server, and who is not there is named" {
    same <<'LINES'
$X version | sed -n '/^Server/,$p'
$X version --format '{{.Server.Version}} {{.Client.Os}} {{.Client.APIVersion}} {{.Server.APIVersion}}'
$X version --format '{{.Nope' 2>/dev/null
$X info | sed -n '/^Server/,$p'
$X info --format '{{.Driver}} {{.OSType}} {{.ID}}'
$X -H tcp://127.0.0.1:1 ps
$X -H unix:///nope.sock ps
$X -H unix:///nope.sock run x
$X -H unix:///nope.sock info | tail -n 1
$X -H unix:///nope.sock version | tail -n 1
LINES
}

@test "flags for what this engine does not offer get the engine's answer" {
    same <<'LINES'
$X run --rm -v /tmp:/x $S true
$X run --rm -v named:/x $S true
$X run --rm -v /x $S true
$X run --rm --mount type=bind,src=/tmp,dst=/x $S true
$X run --rm --mount nope $S true
$X run --rm --device /dev/null $S true
$X run --rm --device-cgroup-rule x $S true
$X run --rm --device-read-bps /dev/null:1mb $S true
$X run --rm -p 127.0.0.1:8000-8001:80-81 $S true
$X run --rm -p 80:x $S true
$X run --rm -p 99999:80 $S true
$X run --rm -P $S true
$X run --rm --expose x $S true
$X run --rm --gpus all $S true
$X run --rm --link up $S true
$X run --rm --volumes-from up $S true
$X run --rm --ip 1.2.3.4 $S true
$X run --rm --network-alias a $S true
$X run --rm --mac-address 02:42:ac:11:00:99 $S true
$X run --rm --userns x $S true
$X run --rm --annotation a=b $S true
$X run --rm --storage-opt size=1g $S true
$X run --rm --health-cmd true $S true
$X run --rm --health-interval x $S true
$X run --rm --no-healthcheck --health-cmd true $S true
$X run --rm --blkio-weight 100 $S true
$X run --rm --isolation x $S true
$X run --rm --volume-driver local $S true
LINES
}

@test "flags for limits and addresses are checked and carried out as docker's" {
    same <<'LINES'
$X run --rm --expose 80 --no-healthcheck --userns host --disable-content-trust $S echo ok
$X run --rm --cpu-period 100000 --cpu-quota 50000 --cpuset-mems 0 $S echo ok
$X run --rm --cpu-quota 1 $S true
$X run --rm --memory-swappiness 200 $S true
$X run --rm --add-host a $S true
$X run --rm --add-host a:x $S true
$X run --rm --dns x $S true
$X run --rm --pid nope $S true
$X run --rm --uts nope $S true
$X run --rm --cgroupns nope $S true
$X run --rm --platform x $S true
$X run --rm --cidfile /nope/x $S true
$X run --cidfile $T/gone nope.invalid/x 2>/dev/null; ls $T/gone 2>&1
printf 'A=1\n#c\nbad key=1\n' >$T/file; $X run --rm --env-file $T/file $S true
printf 'A=1\n=x\n' >$T/file; $X run --rm --env-file $T/file $S true
printf '\xef\xbb\xbfA=1\r\nB=2\n' >$T/file; $X run --rm --env-file $T/file $S sh -c 'echo $A $B' | od -c
printf 'a b=1\n' >$T/file; $X run --rm --label-file $T/file $S true
$X run --rm --env-file / $S true
LINES
}

@test "names without a letter are refused" {
    same <<'LINES'
$X stop ''
$X kill ''
$X start ''
$X restart ''
$X wait ''
$X logs ''
$X attach ''
$X rm ''
$X rm -f ''
$X stop '' nope
LINES
}

@test "lists heed the user's settings, and quiet wins over a format" {
    same <<'LINES'
mkdir -p $T/c; echo '{"psFormat":"{{.Names}}","imagesFormat":"table {{.Tag}}"}' >$T/c/config.json; export DOCKER_CONFIG=$T/c; $X ps -a; $X images; $X ps -q; $X images -q
$X ps -q --format '{{.Names}}'
$X ps --format raw
$X ps -as --format raw
$X images --format raw
$X images --digests --format raw
$X images -q --format raw
$X ps -l -n 3
$X ps -qx
$X create --name wide $S éèêëéèêëéèêëéèêëéèêë >/dev/null; $X ps -l --format 'table {{.Command}}\t{{.State}}\t{{.Names}}'; $X rm wide
$X ps -a --format '{{.Platform}} {{.Nope}}'
$X ps -a --format 'table {{if eq .State "running"}}{{.Names}}{{end}}\t{{.ID}}'
$X images --format 'table {{.Repository}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.VirtualSize}}'
$X inspect -f '{{.Config.ExposedPorts}} {{.SizeRw}} {{if .State.Health}}x{{else}}none{{end}}' up
$X inspect -f '{{.Config.Labels.nope}} {{index .Config.Labels "nope"}}' up
$X image inspect -s $S
$X container inspect --type image up
$X version -f '{{.Server.Experimental}}'
DOCKER_API_VERSION=1.44 $X version -f '{{.Client.APIVersion}} {{.Client.DefaultAPIVersion}}' | cut -d' ' -f1
DOCKER_API_VERSION=1.2 $X ps
LINES
}
