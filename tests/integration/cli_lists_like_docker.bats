# davit beside the real docker CLI: lists, events and what is told of client and server.

load like_docker.bash

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
$X ps -a --format '{{split .Labels ","}} {{join (split .Names "") "-"}}'
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
$X images --format '{{json .}}'
$X images --format '{{.Repository}}:{{.Tag}} {{.Size}} {{.CreatedAt}} {{.Digest}}'
$X images --format 'table {{.ID}}\t{{.Repository}}'
$X images --filter dangling=true
$X images --filter reference='*nope*'
$X images --filter foo=bar
$X images nope
$X images ${S%:*}
$X image ls $S --format table
$X images --format '{{.Nope'
$X images --tree
$X images --tree -a ${S%:*}
$X images --tree nope
$X images --tree -q
$X images --tree --no-trunc --digests
$X images --tree --digests --format json
$X images --tree --format json
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

@test "events are the same as text, as JSON and by templates" {
    until=$(($(date +%s) + 1)) # what has happened up to now, in a whole second
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
