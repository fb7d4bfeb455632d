# needs: bc
# Pi by a calculator that reads from a pipe and is busy for a while with each line.
for ((times = 0; times < LENGTH; ++times)); do
    for digits in 100 300 500 700 900 1000 1100 1200; do
        echo "scale=$digits; 4*a(1)"
    done
done | bc -lq
