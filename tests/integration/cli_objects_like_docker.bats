# davit beside the real docker CLI: commands that name containers and images.

load like_docker.bash

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
$X rmi --platform foo image
$X rmi --platform linux/amd64,linux/arm64 image
$X rmi --platform linux/s390x $S nope
$X image inspect --platform foo image
$X image inspect --platform linux/s390x $S nope
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
$X rm -f '' nope
$X rm -f /
$X rm /nope
$X stop /nope
$X logs /ended
$X stop --time 1 nope
$X restart --time 1 --timeout 2 nope
$X inspect -s --type image $S
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
$X inspect -f '{{.HostConfig.RestartPolicy}} {{.HostConfig.LogConfig}}' up
$X inspect -f '{{define "a"}}<{{.}}>{{end}}{{template "a" .Name}}{{block "b" .Config}}{{.Image}}{{end}}' up
$X inspect -f '{{or .State.Running (index .Config.Cmd 9)}}' up
$X inspect -f '{{and .State.Running (index .Config.Cmd 9)}}' up
$X inspect -f '{{index .Config.Cmd 9}}' up
$X inspect -f '{{.Name .Id}}' up
$X inspect -f '{{len 3}}' up
$X inspect -f '{{printf "%s %X %e|" 3 255 1.5}}{{printf "a" 1}}' up
$X inspect -f '{{printf "%v" .Config.Labels}}' up
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
