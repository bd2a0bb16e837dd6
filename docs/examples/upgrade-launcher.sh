#!/bin/sh
# Back up Launcher, upgrade its container, and restore the backup if it does not come up.
#
#   LAUNCHER_URL    where the site is, like https://launcher.home.arpa
#   LAUNCHER_TOKEN  an API token with the scopes backups:create and backups:restore
#   UPGRADE         the command that starts the new version, like "docker compose up --detach".
#                   Download or build its image first: if that fails, nothing has changed.
#   ROLLBACK        the command that starts the old version
#   RESTORE         optional: the command that restores backup $BACKUP without the API. It is used
#                   when the old version cannot open the database of the new one, like
#                   'docker compose exec -T launcher flask backup restore --yes "$BACKUP"'
#   PATIENCE_S      how many seconds a version may take to come up; 120 if not set
#
# Needs curl. Messages are on stderr. Exit codes:
#   0  Launcher answers. The message names the version
#   1  nothing was changed, and the message says why
#   2  the old version runs, with the data from before the upgrade
#   3  you have to act, and the message has the commands to type
#   4  UPGRADE failed, the old version still runs, and nothing was restored
set -eu

api=${LAUNCHER_URL:-}/api/v1
patience_s=${PATIENCE_S:-120}
lock=${TMPDIR:-/tmp}/upgrade-launcher.lock
backup=
has_begun=
safety=

say() { printf '%s\n' "$*" >&2; }
refuse() { say "$* Nothing was changed."; exit 1; }

hand_over() {
	say "$*"
	say "The data from before the upgrade is in backup $backup. To return to it:"
	say "1. Start the old version: $ROLLBACK"
	say "2. Restore, in its container: flask backup restore $backup"
	exit 3
}

stopped() {
	trap '' INT TERM HUP
	[ -z "$has_begun" ] || hand_over "Stopped in the middle of the upgrade."
	refuse "Stopped."
}

call() { # TOKEN PATH [ARGUMENTS OF CURL]: prints the answer; keeps the token out of the process list
	token=$1 path=$2
	shift 2
	printf 'header = "Authorization: Bearer %s"\n' "$token" |
		curl --config - --silent --show-error --max-time 90 \
			--header "Content-Type: application/json" "$@" "$api$path"
}

field() { # NAME: prints the first text of this name in the JSON on stdin, nothing where it has none
	grep -oE "\"$1\":\"([^\"\\\\]|\\\\.)*\"" | head -n 1 | sed 's/^"[^"]*":"//; s/"$//; s/\\"/"/g'
}

has() { printf '%s\n' "$answer" | field "$1"; }

reason() { # prints why the last answer is no success
	[ -n "$answer" ] || { echo "The site did not answer."; return; }
	[ -n "$(has detail)" ] || { printf '%s\n' "The answer was not expected: $answer"; return; }
	hint=$(has hint)
	printf '%s\n' "$(has detail)${hint:+ $hint}"
}

check_scope() { # SCOPE PATH: sends what begins nothing; the scope is checked before the body
	answer=$(call "$LAUNCHER_TOKEN" "$2" --data '[]') || answer=
	case $(has code) in
	bad_json) ;;
	scope_missing) missing="$missing $1" ;;
	*) refuse "The token could not be checked. $(reason)" ;;
	esac
}

begin() { # PATH BODY: begins an operation, once, however often it is sent; its answer is $answer
	key=upgrade-$(date +%s)-$$
	deadline=$(($(date +%s) + patience_s))
	while :; do
		answer=$(call "$LAUNCHER_TOKEN" "$1" --data "$2" --header "Idempotency-Key: $key") ||
			answer=
		case $(has code) in
		operation_in_progress | idempotency_in_progress | database_busy | data_being_replaced) ;;
		*) [ -z "$answer" ] || break ;;
		esac
		[ "$(date +%s)" -lt "$deadline" ] || break
		sleep 2
	done
	[ -n "$(has id)" ]
}

succeeds() { # follows the operation in $answer to its end by its own token
	operation=$(has id) follow=$(has follow_token) silent=0
	while [ $silent -lt "$patience_s" ]; do
		answer=$(call "${follow:-$LAUNCHER_TOKEN}" "/operations/$operation?wait=30") || answer=
		case $(has state) in
		running) silent=0 ;;
		succeeded) return 0 ;;
		"") silent=$((silent + 1)) ;;
		*) return 1 ;;
		esac
		sleep 1
	done
	return 1
}

unsuccessful() { # WHAT: says how the followed operation stands
	[ -n "$(has state)" ] || { echo "How the $1 ended is not known. $(reason)"; return; }
	echo "The $1 failed. $(reason)"
}

health() { curl --silent --max-time 5 "$LAUNCHER_URL/healthz" || true; }

version() { curl --silent --max-time 5 "$api/openapi.json" | field version || true; }

still_runs() { # the old version answers, steadily, and opens the database
	for _ in 1 2 3; do
		[ "$(health)" = ok ] || return 1
		sleep 1
	done
	[ -n "$version" ] && [ "$(version)" = "$version" ] || return 1
	answer=$(call "$LAUNCHER_TOKEN" /backups --data '[]') || answer=
	[ "$(has code)" = bad_json ]
}

comes_up() { # waits until the version that was started answers three times in a row
	deadline=$(($(date +%s) + patience_s)) good=0
	while :; do
		health=$(health)
		case $health in
		ok) good=$((good + 1)) ;;
		*) good=0 ;;
		esac
		[ $good -lt 3 ] || return 0
		case $health in
		damaged) [ "$1" != before ] || return 1 ;; # it cannot open the database
		esac
		[ "$(date +%s)" -lt "$deadline" ] || return 1
		sleep 1
	done
}

# Is everything there?

for name in LAUNCHER_URL LAUNCHER_TOKEN UPGRADE ROLLBACK; do
	eval "[ -n \"\${$name:-}\" ]" || refuse "Set $name. The head of this script explains it."
done
command -v curl >/dev/null || refuse "The program curl is missing. Install it."
mkdir "$lock" 2>/dev/null ||
	refuse "Another upgrade is running. If none is, remove the directory $lock."
trap 'rmdir "$lock"' EXIT
trap stopped INT TERM HUP
[ "$(health)" = ok ] || refuse "$LAUNCHER_URL/healthz does not answer \"ok\"."
missing=
check_scope backups:create /backups
check_scope backups:restore /backups/latest/restore
version=$(version)
[ -z "$missing" ] || refuse "The token does not have every scope. Missing:$missing."

# The backup

begin /backups '{"note": "Before the upgrade"}' || refuse "No backup was created. $(reason)"
succeeds || refuse "$(unsuccessful backup)"
backup=$(has backup_id)
say "Backup $backup created."

# The upgrade

has_begun=yes
if ! sh -c "$UPGRADE"; then
	if still_runs; then
		say "The upgrade command failed. Launcher still runs. Nothing was restored."
		exit 4
	fi
elif comes_up new; then
	now=$(version)
	if [ "$now" = "$version" ]; then
		say "Launcher answers, with the same version as before${now:+: $now}."
	else
		say "Launcher was upgraded from ${version:-?} to ${now:-?}."
	fi
	exit 0
fi

say "The new version does not answer. Starting the old version."
sh -c "$ROLLBACK" || hand_over "The old version could not be started."
if comes_up before; then
	if ! begin "/backups/$backup/restore" "{\"confirm\": \"$backup\"}"; then
		say "The API did not start the restore. $(reason)"
	elif succeeds; then
		health=restored safety=$(has safety_backup_id)
	else
		say "$(unsuccessful restore)"
	fi
fi
if [ "$health" != restored ]; then
	[ -n "${RESTORE:-}" ] || hand_over "The backup was not restored."
	say "Restoring without the API."
	BACKUP=$backup sh -c "$RESTORE" || hand_over "The backup was not restored."
	comes_up new || hand_over "The old version does not answer."
fi
say "The old version runs, with the data from before the upgrade."
[ -z "$safety" ] || say "The data that the restore replaced is in safety backup $safety."
say "To return to it, in the container: flask backup undo"
exit 2
