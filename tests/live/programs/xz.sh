# needs: xz
# A compressor with two threads, and back.
awk -v times="$LENGTH" 'BEGIN { for (i = 0; i < 110000 * times; ++i) printf "%d line %d\n", i * i % 99991, i }' > text
xz -T2 --block-size=150KiB -6 -k -c text > text.xz
xz -dc text.xz | cmp - text && cksum < text.xz
