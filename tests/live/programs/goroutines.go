// Goroutines on four threads of the system: channels, locks, sleeps, and a garbage collector that has work.
package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
)

type result struct {
	job int
	sum [32]byte
}

func work(job int) result {
	var kept [][]byte
	sum := sha256.Sum256([]byte(fmt.Sprint("job ", job)))
	for i := 0; i < 1200; i++ {
		block := make([]byte, 1024)
		copy(block, sum[:])
		sum = sha256.Sum256(block)
		if i%50 == 0 {
			kept = append(kept, block)
		}
	}
	if job%40 == 0 {
		time.Sleep(time.Millisecond)
	}
	for _, block := range kept {
		sum[0] ^= block[0]
	}
	return result{job, sum}
}

func main() {
	runtime.GOMAXPROCS(4)
	const workers = 12
	length, _ := strconv.Atoi(os.Getenv("LENGTH"))
	jobs := 300 * length
	todo, done := make(chan int), make(chan result, 4)
	var group sync.WaitGroup
	for w := 0; w < workers; w++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for job := range todo {
				done <- work(job)
			}
		}()
	}
	go func() {
		for job := 0; job < jobs; job++ {
			todo <- job
		}
		close(todo)
		group.Wait()
		close(done)
	}()
	sums := make([][32]byte, jobs)
	for r := range done {
		sums[r.job] = r.sum
	}
	for job, sum := range sums {
		fmt.Printf("%d %x\n", job, sum[:8])
	}
}
