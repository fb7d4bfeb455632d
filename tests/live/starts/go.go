// Goroutines, a map, a timer.
package main

import (
	"crypto/sha256"
	"fmt"
	"sort"
	"strings"
	"sync"
	"time"
)

func main() {
	var group sync.WaitGroup
	var lock sync.Mutex
	seen := map[string]int{}
	for n := 0; n < 50; n++ {
		group.Add(1)
		go func(n int) {
			defer group.Done()
			time.Sleep(time.Millisecond)
			lock.Lock()
			seen[fmt.Sprint(n*n%37)] += n
			lock.Unlock()
		}(n)
	}
	group.Wait()
	var lines []string
	for key, value := range seen {
		lines = append(lines, fmt.Sprint(key, "=", value))
	}
	sort.Strings(lines)
	fmt.Printf("%x\n", sha256.Sum256([]byte(strings.Join(lines, ","))))
}
