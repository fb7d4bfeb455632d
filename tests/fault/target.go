// A Go program as a target of the fault tests: the runtime handles every signal and ignores none, runs goroutines on
// several threads, and interrupts them by SIGURG itself. Shows what board.h describes.
package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const (
	magic   = 0x6472616f62
	workers = 48
)

type board struct {
	magic, pid, workers, failures, interrupted, late uint64
	beats                                            [workers]uint64
	names                                            [workers][16]byte
	failure                                          [256]byte
}

var shown *board

func fail(format string, args ...any) {
	if atomic.AddUint64(&shown.failures, 1) == 1 {
		copy(shown.failure[:255], fmt.Sprintf(format, args...))
	}
}

func worker(i int, name string, round func()) {
	copy(shown.names[i][:15], name)
	go func() {
		for {
			round()
			atomic.AddUint64(&shown.beats[i], 1)
		}
	}()
}

func main() {
	file, err := os.OpenFile(os.Args[1], os.O_RDWR|os.O_CREATE, 0600)
	if err != nil {
		panic(err)
	}
	size := int(unsafe.Sizeof(board{}))
	if err := file.Truncate(int64(size)); err != nil {
		panic(err)
	}
	memory, err := syscall.Mmap(int(file.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		panic(err)
	}
	file.Close()
	shown = (*board)(unsafe.Pointer(&memory[0]))
	shown.pid = uint64(os.Getpid())
	runtime.GOMAXPROCS(4)

	var expected [32]byte
	worker(0, "sha256", func() {
		data := make([]byte, 4096)
		for n := 0; n < 20; n++ {
			sum := sha256.Sum256(data)
			copy(data, sum[:])
		}
		sum := sha256.Sum256(data)
		if expected == [32]byte{} {
			expected = sum
		} else if sum != expected {
			fail("a checksum changed")
		}
	})
	worker(1, "sleep", func() {
		begin := time.Now()
		time.Sleep(3 * time.Millisecond)
		if took := time.Since(begin); took < 3*time.Millisecond {
			fail("a sleep of 3 ms took %v", took)
		}
	})
	words := make(chan int)
	next, got := 0, 0
	worker(2, "send", func() { words <- next; next++ })
	worker(3, "receive", func() {
		if word := <-words; word != got {
			fail("the channel carried %d instead of %d", word, got)
		}
		got++
	})
	read, write, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	worker(4, "write", func() {
		if n, err := write.Write(make([]byte, 512)); n != 512 || err != nil {
			fail("write: %d %v", n, err)
		}
	})
	worker(5, "read", func() {
		if _, err := read.Read(make([]byte, 512)); err != nil {
			fail("read: %v", err)
		}
	})
	worker(6, "garbage", func() {
		var keep [][]byte
		for n := 0; n < 100; n++ {
			keep = append(keep, make([]byte, 1024))
		}
		_ = keep
		time.Sleep(time.Millisecond)
	})
	shown.workers = 7
	atomic.StoreUint64(&shown.magic, magic)
	select {}
}
