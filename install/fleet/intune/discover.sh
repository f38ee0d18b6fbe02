#!/bin/sh
# Intune custom compliance on Linux: prints one line of JSON, which rules.json judges.
# KeydSilentDays counts the days since the last pass of the user whose keyd is silent the
# longest. A user without fleet.json counts in nothing.
homes=${KEYD_HOMES:-/home}
now=$(date +%s)
files=0 overdue=0 unknown=0 person=0 silent=0

field() { sed -n -E "s/.*\"$1\":(0|[1-9][0-9]{0,9})[,}].*/\1/p" "$2" 2>/dev/null | head -n 1; }

for file in "$homes"/*/.local/state/keyd-aws/fleet.json; do
	[ -f "$file" ] || continue
	files=$((files + 1))
	last=$(field last_pass_unix "$file")
	if [ -z "$last" ]; then
		silent=9999
		continue
	fi
	days=$(((now - last) / 86400))
	[ "$days" -gt "$silent" ] && silent=$days
	count=$(field overdue "$file") && overdue=$((overdue + ${count:-0}))
	count=$(field unknown_age "$file") && unknown=$((unknown + ${count:-0}))
	count=$(field needs_person "$file") && person=$((person + ${count:-0}))
done
printf '{"KeydUsers":%d,"KeydOverdue":%d,"KeydUnknownAge":%d,"KeydNeedsPerson":%d,"KeydSilentDays":%d}\n' "$files" "$overdue" "$unknown" "$person" "$silent"
