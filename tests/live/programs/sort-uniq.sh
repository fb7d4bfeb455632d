# A pipeline of four programs that are all busy at once.
seq 1 $((600000 * LENGTH)) | awk '{ print ($1 * 7919) % 4999 }' | sort -n | uniq -c | awk '{ s += $1 * $2; print } END { print s }'
