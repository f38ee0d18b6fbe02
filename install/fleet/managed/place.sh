#!/bin/sh
# Put the settings of keyd for every user into their place. Run as root: as a script of Jamf
# Pro, as the postinstall_script of a Munki item, as a script of Intune for Linux, or by hand.
# The text between the two lines END_OF_SETTINGS is the file.
set -eu
case $(uname) in
Darwin) dir="/Library/Application Support/keyd-aws" ;;
*) dir=/etc/keyd-aws ;;
esac
dir=${KEYD_ROOT:-}$dir
umask 022
mkdir -p "$dir"
chmod 755 "$dir"
new=$(mktemp "$dir/keyd.ini.XXXXXX") # in the same folder, so that the last step is one step
trap 'rm -f "$new"' EXIT
cat >"$new" <<'END_OF_SETTINGS'
; Settings of keyd for every user of this machine. Users may be stricter, not weaker.
; keyd config names the line that each value comes from, and what has no effect.

rotate_after = 60d            ; at most: a user may say 30d
max_age = 90d
quarantine = 7d               ; at least
check_every = 1h              ; at most
unused = rotate               ; a user may not leave an unused key alone
fleet_file = true

; Users may not exclude keys. A key that must stay as it is stands here:
;[profile appliance]
;rotate = never
END_OF_SETTINGS
chmod 644 "$new"
mv -f "$new" "$dir/keyd.ini"
