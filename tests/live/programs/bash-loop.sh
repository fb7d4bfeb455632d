# A shell that counts, and starts a subshell or a program now and then.
sum=0
for ((i = 1; i <= 120000 * LENGTH; ++i)); do
    ((sum = (sum * 31 + i) % 1000003))
    if ((i % 2000 == 0)); then
        echo "$i $sum $(echo "$i" | tr 0-9 a-j)"
    fi
done
