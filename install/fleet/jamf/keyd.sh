#!/bin/sh
# Jamf extension attribute: how keyd stands on this Mac, over all users. One line, which
# begins with a word for smart groups: ok, overdue, unknown, needs_person, silent, none.
# It reads numbers only, so a file that a user has forged or linked gives away nothing.
homes=${KEYD_HOMES:-/Users}
now=$(date +%s)
files=0 keys=0 overdue=0 unknown=0 person=0 oldest=0 silent=0

field() { sed -n -E "s/.*\"$1\":(0|[1-9][0-9]{0,9})[,}].*/\1/p" "$2" 2>/dev/null | head -n 1; }

for file in "$homes"/*/"Library/Application Support/keyd-aws/fleet.json"; do
	[ -f "$file" ] || continue
	files=$((files + 1))
	last=$(field last_pass_unix "$file")
	if [ -z "$last" ]; then
		silent=9999
		continue
	fi
	days=$(((now - last) / 86400))
	[ "$days" -gt "$silent" ] && silent=$days
	age=$(field oldest_age_days "$file")
	[ "$((${age:-0} + days))" -gt "$oldest" ] && oldest=$((${age:-0} + days))
	count=$(field keys "$file") && keys=$((keys + ${count:-0}))
	count=$(field overdue "$file") && overdue=$((overdue + ${count:-0}))
	count=$(field unknown_age "$file") && unknown=$((unknown + ${count:-0}))
	count=$(field needs_person "$file") && person=$((person + ${count:-0}))
done

if [ "$files" -eq 0 ]; then
	state=none
elif [ "$overdue" -gt 0 ]; then
	state=overdue
elif [ "$silent" -gt 3 ]; then
	state=silent
elif [ "$unknown" -gt 0 ]; then
	state=unknown
elif [ "$person" -gt 0 ]; then
	state=needs_person
else
	state=ok
fi
echo "<result>$state: $keys keys, oldest $oldest d, $overdue overdue, $unknown of unknown age, $person need a person, last pass $silent d ago</result>"
