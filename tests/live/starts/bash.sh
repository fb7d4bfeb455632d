# Functions, a subshell, pipes, a here document.
word() { echo "$1" | tr a-z A-Z; }
total=0
for n in 1 2 3 4 5; do total=$((total + n * n)); done
lines=$(for n in $(seq 20); do echo $n; done | sort -rn | head -n 3)
(exit 7); status=$?
cat <<END
$(word hello) $total $lines $status
END
