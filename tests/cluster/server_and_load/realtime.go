package main

import (
	"os"
	"strconv"
	"syscall"
	"unsafe"
)

const roundRobin = 2

// realtime puts this process before all ordinary ones, so that a load on a busy machine sends when it is due: with many
// others at work its lag was 85 ms in one request of a hundred, and so it was 1 ms. It takes a fifth of a processor for
// 1,000 requests a second, and the kernel leaves the others their share. False where that is not allowed, as in a pod.
func realtime() bool {
	// threads made later have it from those that make them; the second round is for one made during the first
	for range 2 {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return false
		}
		for _, thread := range threads {
			number, err := strconv.Atoi(thread.Name())
			if err != nil {
				return false
			}
			priority := int32(1)
			_, _, failed := syscall.Syscall(
				syscall.SYS_SCHED_SETSCHEDULER, uintptr(number), roundRobin, uintptr(unsafe.Pointer(&priority)),
			)
			if failed != 0 && failed != syscall.ESRCH {
				return false
			}
		}
	}
	return true
}
