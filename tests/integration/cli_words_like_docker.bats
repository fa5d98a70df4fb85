# davit beside the real docker CLI: what is said of a command line that can't be right, and help.

load like_docker.bash

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
$X ps --=x
$X ps ---x
$X ps -n 99999999999999999999
$X run --rm= $S true
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

@test "a standard stream that was closed before the start is missed by nobody" {
    same <<'LINES'
$X --version >&-
$X container >&- 2>&-
$X nope 2>&-
$X ps --nope 2>&-
$X ps --filter name=up -q >&-
$X inspect nope up >&- 2>&-
$X run --rm $S sh -c 'echo out; echo err >&2' >&-
$X run --rm $S sh -c 'echo out; echo err >&2' 2>&-
$X run --rm -i $S cat <&-
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

@test "help names all ways to a command, and no flag for other systems" {
    same <<'LINES'
$X rm --help | sed '/Options/q'
$X rmi --help | sed '/Options/q'
$X ps --help | sed '/Options/q'
$X container ls --help | sed '/Options/q'
$X images --help | sed '/Options/q'
$X run --help | grep -cE -e '--(cpu-count|cpu-percent|io-max)'
$X run --help | tr -s ' \n' ' ' | grep -o '(default "[a-z]*")'
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
