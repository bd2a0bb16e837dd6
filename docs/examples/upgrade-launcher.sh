#!/bin/sh
# Back up Launcher, upgrade its container, and restore if it does not come up.
#
#   LAUNCHER_URL    https://launcher.home.arpa
#   LAUNCHER_TOKEN  a token with the scopes backups:create, backups:restore and status
#   UPGRADE         the command that upgrades, like "docker compose pull && docker compose up -d"
#   ROLLBACK        the command that starts the version from before
#   PATIENCE_S      how long a version may take to come up, 120 if not set
#
# Exit codes: 0 upgraded; 1 nothing was changed; 2 the version from before runs, with the data
# from before; 3 a person has to look.
set -eu

: "${LAUNCHER_URL:?}" "${LAUNCHER_TOKEN:?}" "${UPGRADE:?}" "${ROLLBACK:?}"
api=$LAUNCHER_URL/api/v1
patience_s=${PATIENCE_S:-120}

say() { echo "$*" >&2; }

call() { # TOKEN PATH [ARGUMENTS OF CURL]: prints the answer
	token=$1 path=$2
	shift 2
	curl --silent --show-error --max-time 90 --header "Authorization: Bearer $token" \
		--header "Content-Type: application/json" "$@" "$api$path"
}

field() { # NAME: prints a text of the JSON on stdin, nothing where it has none
	sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p"
}

ended() { # TOKEN OPERATION: waits, then prints the operation
	tries=0
	while [ $tries -lt 120 ]; do
		found=$(call "$1" "/operations/$2?wait=30") || found=
		state=$(echo "$found" | field state)
		case $state in
		running | "") tries=$((tries + 1)); [ -n "$state" ] || sleep 1 ;;
		*) echo "$found"; return ;;
		esac
	done
}

comes_up() {
	deadline=$(($(date +%s) + patience_s))
	until curl --silent --fail --max-time 5 --output /dev/null "$LAUNCHER_URL/healthz"; do
		[ "$(date +%s)" -lt "$deadline" ] || return 1
		sleep 1
	done
}

answer=$(call "$LAUNCHER_TOKEN" /backups --data '{"note": "Before the upgrade"}' \
	--header "Idempotency-Key: upgrade-$(date +%s)-$$") || answer=
operation=$(echo "$answer" | field id)
[ -n "$operation" ] || { say "No backup was created: $answer"; exit 1; }
created=$(ended "$LAUNCHER_TOKEN" "$operation")
backup=$(echo "$created" | field backup_id)
[ "$(echo "$created" | field state)" = succeeded ] || { say "The backup failed: $created"; exit 1; }
say "Backup $backup created."

if sh -c "$UPGRADE" && comes_up; then
	say "Launcher was upgraded."
	exit 0
fi

say "The new version does not come up. The version from before is started."
sh -c "$ROLLBACK" && comes_up || { say "It does not come up either."; exit 3; }
answer=$(call "$LAUNCHER_TOKEN" "/backups/$backup/restore" --data "{\"confirm\": \"$backup\"}") ||
	answer=
operation=$(echo "$answer" | field id)
[ -n "$operation" ] || { say "Run in the container: flask backup restore $backup. $answer"; exit 3; }
# The data is replaced: the token of this operation is valid all along.
restored=$(ended "$(echo "$answer" | field follow_token)" "$operation")
[ "$(echo "$restored" | field state)" = succeeded ] || { say "Not restored: $restored"; exit 3; }
say "The data from before the upgrade is restored."
exit 2
