#!/usr/bin/env bash
# netbox.sh up|down: NetBox from PyPI on loopback, with a PostgreSQL and a Redis of its own, in $NETBOX_DIR. Root only, since
# PostgreSQL wants a user of its own. The first `up` takes about ten minutes; it keeps a dump, with which the next is quick.
set -euo pipefail

DIR="${NETBOX_DIR:-/var/tmp/panoptes-netbox}"
VERSION=4.7.3
PORT=18000 PG_PORT=15432 REDIS_PORT=16379
TOKEN=0123456789abcdef0123456789abcdef01234567

die() { printf 'netbox: %s\n' "$*" >&2; exit 1; }
say() { printf 'netbox: %s\n' "$*"; }
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
query() { psql -Atqh 127.0.0.1 -p $PG_PORT -U postgres "$@"; }
has_tables() { [ "$(query netbox -c "select count(*) from pg_tables where tablename = 'django_migrations'")" != 0 ]; }

python_of_netbox() {
    local candidate
    for candidate in python3.12 python3.13 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[23].*/bin/python; do
        if "$candidate" -c 'import venv, sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    die "NetBox $VERSION needs Python 3.12 or newer"
}

bin_of_postgres() {
    local found
    found="$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)"
    [ -n "$found" ] || die "no PostgreSQL: apt-get install postgresql libpq-dev"
    printf '%s\n' "$found"
}

up() {
    local pg dump
    [ "$(id -u)" = 0 ] || die "root is needed, to run PostgreSQL as its own user"
    command -v redis-server >/dev/null || die "no Redis: apt-get install redis-server"
    pg="$(bin_of_postgres)"
    install -d -m 755 -o postgres "$DIR"
    if [ ! -x "$DIR/venv/bin/netbox" ]; then
        say "installing NetBox $VERSION, some minutes"
        "$(python_of_netbox)" -m venv "$DIR/venv"
        "$DIR/venv/bin/pip" install -q "netbox==$VERSION"
    fi
    [ -f "$DIR/pg/PG_VERSION" ] || as_postgres "$pg/initdb" -D "$DIR/pg" -A trust -U postgres --no-sync >/dev/null
    as_postgres "$pg/pg_ctl" -D "$DIR/pg" -w -l "$DIR/pg/log" -o "-p $PG_PORT -c listen_addresses=127.0.0.1 \
        -c unix_socket_directories= -c fsync=off -c shared_buffers=32MB" start >/dev/null
    query -c "create role netbox login superuser" -c "create database netbox owner netbox" 2>/dev/null || true
    redis-server --port $REDIS_PORT --bind 127.0.0.1 --save '' --daemonize yes --pidfile "$DIR/redis.pid" >/dev/null
    configure
    dump="$DIR/netbox-$VERSION.dump"
    if [ -f "$dump" ] && ! has_tables; then pg_restore -h 127.0.0.1 -p $PG_PORT -U postgres -d netbox "$dump"; fi
    has_tables || say "making its tables, about ten minutes"
    netbox migrate --no-input >"$DIR/migrate.log" 2>&1
    [ -f "$dump" ] || pg_dump -h 127.0.0.1 -p $PG_PORT -U postgres -Fc netbox >"$dump"
    netbox shell --no-startup -c "
from users.models import User, Token
user, _ = User.objects.get_or_create(username='panoptes', defaults={'is_superuser': True, 'is_active': True})
Token.objects.all().delete()
Token(user=user, version=1, token='$TOKEN').save()" >"$DIR/token.log" 2>&1
    with_settings setsid "$DIR/venv/bin/gunicorn" --no-control-socket -w 1 --threads 2 -b 127.0.0.1:$PORT \
        --pid "$DIR/gunicorn.pid" netbox.wsgi >"$DIR/gunicorn.log" 2>&1 </dev/null &
    for _ in $(seq 300); do
        curl -fso /dev/null "http://127.0.0.1:$PORT/login/" && say "up at http://127.0.0.1:$PORT" && return
        sleep 0.2
    done
    die "it does not answer; see $DIR/gunicorn.log"
}

configure() {
    cat >"$DIR/lab_netbox.py" <<END
ALLOWED_HOSTS = ["*"]
DATABASES = {"default": {"NAME": "netbox", "USER": "netbox", "PASSWORD": "", "HOST": "127.0.0.1", "PORT": "$PG_PORT"}}
REDIS = {
    name: {"HOST": "127.0.0.1", "PORT": $REDIS_PORT, "DATABASE": number, "SSL": False}
    for number, name in enumerate(("tasks", "caching"))
}
SECRET_KEY = "only-for-the-lab-only-for-the-lab-only-for-the-lab-only-for-the-lab"
API_TOKEN_PEPPERS = {1: "only-for-the-lab-only-for-the-lab-only-for-the-lab-only"}
RELEASE_CHECK_URL = None
CENSUS_REPORTING_ENABLED = False
END
}

with_settings() { NETBOX_ROOT="$DIR/root" NETBOX_CONFIGURATION=lab_netbox PYTHONPATH="$DIR" "$@"; }
netbox() { with_settings "$DIR/venv/bin/netbox" "$@"; }

down() {
    local pid
    if pid="$(cat "$DIR/gunicorn.pid" 2>/dev/null)" && kill -INT "$pid" 2>/dev/null; then
        while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done # TERM would wait for connections that are kept open
    fi
    [ ! -f "$DIR/redis.pid" ] || kill "$(cat "$DIR/redis.pid")" 2>/dev/null || true
    as_postgres "$(bin_of_postgres)/pg_ctl" -D "$DIR/pg" -m fast stop >/dev/null || true
}

case "${1:-}" in
up) up ;;
down) down ;;
*) die "expected up or down" ;;
esac
