# Shared by the shell scripts of this folder: where things are, how to speak.
# The caller sets ${root}, the clone, before it reads this file.

# Debian's own Python: the one that Debian's python3-* packages belong to.
python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3) || python=python3

# What was fetched once (engines, models) is kept outside of build/.
cache=${WEIR_CACHE:-${XDG_CACHE_HOME:+$XDG_CACHE_HOME/weir}}
cache=${cache:-$root/.cache}

say() {
	printf 'weir: %s\n' "$*" >&2
}

# die TEXT...: say what is wrong and what to do, and end with status 1.
die() {
	say "$@"
	exit 1
}

# watched LABEL FOLDER COMMAND...: run COMMAND and tell every few seconds how
# much FOLDER holds by then, so that a long download is seen to move.
watched() {
	label=$1 folder=$2
	shift 2
	say "$label"
	(
		every=10 n=0
		[ -t 2 ] && every=2
		while sleep 1 && kill -0 "$$" 2>/dev/null; do
			n=$((n + 1))
			[ "$((n % every))" -eq 0 ] || continue
			mib=$(du -sm "$folder" 2>/dev/null | cut -f1)
			say "  ... ${mib:-0} MiB so far"
		done
	) </dev/null >/dev/null &
	ticker=$!
	status=0
	"$@" || status=$?
	kill "$ticker" 2>/dev/null || :
	wait "$ticker" 2>/dev/null || :
	return "$status"
}
