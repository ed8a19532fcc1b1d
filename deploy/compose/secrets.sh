#!/usr/bin/env bash
# Makes what compose.yaml mounts as secrets, once: what is there stays. Needs sluice (SLUICE names it, else
# bin/sluice of this repository) and openssl. Run it as root, or chown the files yourself: containers read
# them as the users that compose.yaml gives them.
set -euo pipefail
sluice=${SLUICE:+$(realpath "$SLUICE")}
cd "$(dirname "$0")"
sluice=${sluice:-../../bin/sluice}
dir=${1:-secrets}
umask 077
mkdir -p "$dir"

nats=nats://nats-1:4222,nats://nats-2:4222,nats://nats-3:4222
"$sluice" bus users --dir "$dir" --nats-url "$nats" >/dev/null
[ -e "$dir/master.key" ] || "$sluice" master-key create --key-file "$dir/master.key"
[ -e "$dir/routes.conf" ] || {
  word=$(openssl rand -hex 24)
  cat >"$dir/routes.conf" <<END
authorization { user: route, password: "$word" }
routes: [nats-route://route:$word@nats-1:6222, nats-route://route:$word@nats-2:6222, nats-route://route:$word@nats-3:6222]
END
}
[ -e "$dir/mongo.key" ] || openssl rand -base64 512 >"$dir/mongo.key"
[ -e "$dir/mongo.password" ] || openssl rand -hex 24 >"$dir/mongo.password"
[ -e "$dir/grafana.password" ] || openssl rand -hex 16 >"$dir/grafana.password"
# auth alone needs the administrator's password, and only at its first start; the rest is the same for all.
[ -e "$dir/sluice.yaml" ] || cat >"$dir/sluice.yaml" <<END
mongodb:
  uri: mongodb://sluice:$(cat "$dir/mongo.password")@mongo-1,mongo-2,mongo-3/?replicaSet=sluice&authSource=admin
END
# A certificate of its own for a first look; put a real one there: certificate, chain and key in one file.
[ -e "$dir/tls.pem" ] || {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$dir/tls.key" -out "$dir/tls.crt" 2>/dev/null
  cat "$dir/tls.crt" "$dir/tls.key" >"$dir/tls.pem"
  rm "$dir/tls.key" "$dir/tls.crt"
}
chmod 600 "$dir"/*
if [ "$(id -u)" = 0 ]; then
  chown 65532:65532 "$dir"/{nats*.json,users.conf,passwords.conf,routes.conf,master.key,sluice.yaml}
  chown 999:999 "$dir"/mongo.{key,password}
  chown 99:99 "$dir/tls.pem"
  chown 472:472 "$dir/grafana.password"
fi
echo "secrets are in $dir; back up master.key: nothing can be read without it"
