# davit beside the real docker CLI: run and create.

load like_docker.bash

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
$X run --rm --label 'a b=c' $S true
$X run --rm --network bridge --network none $S true
$X run --rm sha256:0000000000000000000000000000000000000000000000000000000000000000 true
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

@test "what a container is attached to is written down, and its input ends with the client's" {
    same <<'LINES'
$X create --name c1 -it $S; $X inspect -f '{{.Config.OpenStdin}} {{.Config.StdinOnce}} {{.Config.Tty}} {{.Config.AttachStdin}} {{.Config.AttachStdout}}' c1; $X rm c1
$X run --name c1 -a stdin $S true; $X inspect -f '{{.Config.OpenStdin}} {{.Config.StdinOnce}} {{.Config.AttachStdin}} {{.Config.AttachStdout}}' c1; $X rm c1
$X run -d --name c1 -i $S true; $X inspect -f '{{.Config.OpenStdin}} {{.Config.StdinOnce}} {{.Config.AttachStdin}} {{.Config.AttachStdout}}' c1; $X rm -f c1
$X create --name c1 $S >/dev/null; $X inspect c1 | grep -v 'Created\|Path\|Dir\|ID"'; $X rm c1
$X create --name c1 -i $S cat; echo hi | timeout 20 $X start -ai c1; $X rm -f c1
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
