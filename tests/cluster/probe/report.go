package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// report is every fact by its name; what cannot be read says why.
func report() map[string]any {
	mounts := mountTable()
	return map[string]any{
		"argv":          os.Args,
		"exe":           link("/proc/self/exe"),
		"pid":           os.Getpid(),
		"pid1":          commandLine("/proc/1/cmdline"),
		"cwd":           link("/proc/self/cwd"),
		"environ":       environ(),
		"status":        status(),
		"uid_map":       fields("/proc/self/uid_map"),
		"apparmor":      text("/proc/self/attr/current"),
		"oom_score_adj": text("/proc/self/oom_score_adj"),
		"limits":        limits(),
		"cgroup":        text("/proc/self/cgroup"),
		"namespaces":    namespaces(),
		"mounts":        mounts,
		"kernel_paths":  kernelPaths(mounts),
		"devices":       devices(),
		"tty":           terminal(),
		"stdin":         stdin(),
		"hostname":      kernelName("hostname"),
		"domainname":    kernelName("domainname"),
		"resolver":      text("/etc/resolv.conf"),
		"hosts":         text("/etc/hosts"),
		"interfaces":    interfaces(),
		"routes":        text("/proc/net/route"),
		"sysctls":       sysctls(),
		"files":         files(mounts),
		"kernel":        kernelName("osrelease"),
	}
}

func text(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return "(" + words(err) + ")"
	}
	return strings.TrimRight(string(data), "\n\x00")
}

func words(err error) string {
	if number := errorNumber(err); number != 0 {
		return number.Error()
	}
	return err.Error()
}

func errorNumber(err error) syscall.Errno {
	for err != nil {
		if number, is := err.(syscall.Errno); is {
			return number
		}
		inner, wraps := err.(interface{ Unwrap() error })
		if !wraps {
			return 0
		}
		err = inner.Unwrap()
	}
	return 0
}

func fields(path string) string { return strings.Join(strings.Fields(text(path)), " ") }

func link(path string) string {
	goal, err := os.Readlink(path)
	if err != nil {
		return "(" + words(err) + ")"
	}
	return goal
}

func kernelName(name string) string { return text("/proc/sys/kernel/" + name) }

func commandLine(path string) []string { return strings.Split(text(path), "\x00") }

// environ is as the kernel has it: a library may have changed its own copy.
func environ() []string {
	data := text("/proc/self/environ")
	if data == "" {
		return []string{}
	}
	return strings.Split(data, "\x00")
}

func status() map[string]string {
	wanted := map[string]bool{
		"Uid": true, "Gid": true, "Groups": true, "Umask": true, "CapInh": true, "CapPrm": true, "CapEff": true,
		"CapBnd": true, "CapAmb": true, "NoNewPrivs": true, "Seccomp": true,
	}
	made := map[string]string{}
	for _, line := range strings.Split(text("/proc/self/status"), "\n") {
		key, value, _ := strings.Cut(line, ":")
		if wanted[key] {
			made[key] = strings.Join(strings.Fields(value), " ")
		}
	}
	return made
}

var limitNames = map[string]string{
	"Max cpu time": "cpu", "Max file size": "fsize", "Max data size": "data", "Max stack size": "stack",
	"Max core file size": "core", "Max resident set": "rss", "Max processes": "nproc", "Max open files": "nofile",
	"Max locked memory": "memlock", "Max address space": "as", "Max file locks": "locks",
	"Max pending signals": "sigpending", "Max msgqueue size": "msgqueue", "Max nice priority": "nice",
	"Max realtime priority": "rtprio", "Max realtime timeout": "rttime",
}

func limits() map[string][2]string {
	made := map[string][2]string{}
	// Go raises its own soft limit of open files at its start, and gives its children the original one
	table, err := exec.Command("/bin/busybox", "cat", "/proc/self/limits").Output()
	if err != nil {
		table = []byte(text("/proc/self/limits"))
	}
	for _, line := range strings.Split(string(table), "\n") {
		for title, name := range limitNames {
			if rest, is := strings.CutPrefix(line, title+" "); is {
				if values := strings.Fields(rest); len(values) > 1 {
					made[name] = [2]string{values[0], values[1]}
				}
			}
		}
	}
	return made
}

func namespaces() map[string]string {
	made := map[string]string{}
	for _, kind := range []string{"pid", "ipc", "uts", "net", "user", "cgroup", "mnt"} {
		made[kind] = link("/proc/self/ns/" + kind)
	}
	return made
}

type mount struct {
	Type        string   `json:"type"`
	Options     string   `json:"options"`
	ReadOnly    bool     `json:"read_only"`
	Propagation string   `json:"propagation"`
	Owner       string   `json:"owner"`
	Mode        string   `json:"mode"`
	Writable    string   `json:"writable"`
	Size        uint64   `json:"size"`
	Folder      bool     `json:"folder"`
	Content     []string `json:"content"`
}

// mountTable has the uppermost mount of each path.
func mountTable() map[string]mount {
	made := map[string]mount{}
	for _, line := range strings.Split(text("/proc/self/mountinfo"), "\n") {
		before, after, both := strings.Cut(line, " - ")
		head, tail := strings.Fields(before), strings.Fields(after)
		if !both || len(head) < 6 || len(tail) < 3 {
			continue
		}
		one := mount{Type: tail[0], Propagation: "private"}
		var options []string
		for _, option := range strings.Split(head[5], ",") {
			one.ReadOnly = one.ReadOnly || option == "ro"
			if option != "ro" && option != "rw" {
				options = append(options, option)
			}
		}
		slices.Sort(options)
		one.Options = strings.Join(options, ",")
		for _, tag := range head[6:] {
			kind, _, _ := strings.Cut(tag, ":")
			if kind == "shared" || kind == "master" {
				one.Propagation = kind
			}
		}
		path := unescaped(head[4])
		one.look(path)
		made[path] = one
	}
	return made
}

func unescaped(path string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(path)
}

var kernelTypes = map[string]bool{
	"proc": true, "sysfs": true, "cgroup": true, "cgroup2": true, "devpts": true, "mqueue": true, "securityfs": true,
	"debugfs": true, "tracefs": true, "bpf": true, "pstore": true, "configfs": true,
}

// Files that are told by what they mean, or are written while the container runs.
var assigned = map[string]bool{
	"/etc/hosts": true, "/etc/hostname": true, "/etc/resolv.conf": true, "/dev/termination-log": true,
}

func (m *mount) look(path string) {
	info, err := os.Stat(path)
	if err != nil {
		m.Writable = words(err)
		return
	}
	raw := info.Sys().(*syscall.Stat_t)
	m.Owner = fmt.Sprintf("%d:%d", raw.Uid, raw.Gid)
	m.Mode = fmt.Sprintf("%04o", raw.Mode&0o7777)
	m.Folder = info.IsDir()
	if kernelTypes[m.Type] {
		return
	}
	m.Writable = writable(path, info)
	if info.Mode().IsRegular() && !assigned[path] {
		data, _ := os.ReadFile(path)
		m.Content = []string{fmt.Sprintf("%x", sha256.Sum256(data))[:16]}
	}
	var whole syscall.Statfs_t
	if err := syscall.Statfs(path, &whole); err == nil {
		m.Size = whole.Blocks * uint64(whole.Bsize)
	}
	if info.IsDir() && path != "/" && path != "/dev" {
		entries, _ := os.ReadDir(path)
		for _, entry := range entries[:min(len(entries), 30)] {
			m.Content = append(m.Content, entry.Name())
		}
	}
}

// writable tries: "yes", or the kernel's reason.
func writable(path string, info os.FileInfo) string {
	if !info.IsDir() {
		if !info.Mode().IsRegular() {
			return ""
		}
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return words(err)
		}
		file.Close()
		return "yes"
	}
	file, err := os.CreateTemp(path, ".probe-")
	if err != nil {
		return words(err)
	}
	file.Close()
	os.Remove(file.Name())
	return "yes"
}

// What runtimes mask or make read-only.
var guarded = []string{
	"/proc/acpi", "/proc/asound", "/proc/bus", "/proc/fs", "/proc/interrupts", "/proc/irq", "/proc/kcore", "/proc/keys",
	"/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/sys", "/proc/sysrq-trigger", "/proc/timer_list",
	"/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
}

func kernelPaths(mounts map[string]mount) map[string]string {
	made := map[string]string{}
	for _, path := range guarded {
		one, mounted := mounts[path]
		switch info, err := os.Stat(path); {
		case err != nil:
			made[path] = words(err)
		case mounted && (one.Type == "tmpfs" || info.Mode()&os.ModeCharDevice != 0):
			made[path] = "masked"
		case mounted && one.ReadOnly:
			made[path] = "read-only"
		default:
			made[path] = "open"
		}
	}
	return made
}

// Opening these does something, or means another thing for each process.
var notOpened = map[string]bool{"/dev/console": true, "/dev/ptmx": true, "/dev/tty": true, "/dev/watchdog": true}

func devices() map[string]string {
	made := map[string]string{}
	filepath.WalkDir("/dev", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if entry.IsDir() {
			if path == "/dev/pts" || path == "/dev/shm" || path == "/dev/mqueue" {
				return filepath.SkipDir
			}
			return nil
		}
		info, err := entry.Info()
		if err != nil || info.Mode()&os.ModeDevice == 0 {
			return nil
		}
		raw := info.Sys().(*syscall.Stat_t)
		kind := "b"
		if info.Mode()&os.ModeCharDevice != 0 {
			kind = "c"
		}
		made[path] = fmt.Sprintf("%s %d:%d %04o %d:%d", kind, raw.Rdev>>8&0xfff, raw.Rdev&0xff, raw.Mode&0o777, raw.Uid, raw.Gid)
		if kind == "c" && !notOpened[path] {
			made[path] += " " + opened(path)
		}
		return nil
	})
	return made
}

func opened(path string) string {
	handle, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return words(err)
	}
	syscall.Close(handle)
	return "opens"
}

func terminal() string {
	goal := link("/proc/self/fd/1")
	if strings.HasPrefix(goal, "/dev/pts/") || goal == "/dev/console" {
		return "yes"
	}
	return "no"
}

func stdin() string {
	goal := link("/proc/self/fd/0")
	switch {
	case goal == "/dev/null":
		return "null"
	case strings.HasPrefix(goal, "/dev/pts/"):
		return "terminal"
	case strings.HasPrefix(goal, "pipe:"):
		return "pipe"
	}
	return goal
}

type networkInterface struct {
	MTU       int      `json:"mtu"`
	MAC       string   `json:"mac"`
	Addresses []string `json:"addresses"`
	Up        bool     `json:"up"`
}

func interfaces() map[string]networkInterface {
	made := map[string]networkInterface{}
	list, _ := net.Interfaces()
	for _, one := range list {
		addresses := []string{}
		found, _ := one.Addrs()
		for _, address := range found {
			addresses = append(addresses, address.String())
		}
		made[one.Name] = networkInterface{one.MTU, one.HardwareAddr.String(), addresses, one.Flags&net.FlagUp != 0}
	}
	return made
}

var settings = []string{
	"net/core/*", "net/ipv4/*", "net/ipv4/conf/all/*", "net/ipv4/conf/default/*", "net/ipv6/conf/all/disable_ipv6",
	"net/unix/*", "kernel/shm*", "kernel/msg*", "kernel/sem", "fs/mqueue/*",
}

func sysctls() map[string]string {
	made := map[string]string{}
	for _, pattern := range settings {
		paths, _ := filepath.Glob("/proc/sys/" + pattern)
		for _, path := range paths {
			info, err := os.Stat(path)
			if err != nil || info.IsDir() || info.Mode()&0o444 == 0 {
				continue
			}
			made[strings.ReplaceAll(strings.TrimPrefix(path, "/proc/sys/"), "/", ".")] = fields(path)
		}
	}
	return made
}

// What an engine lays into every root file system, whatever the image.
var marks = []string{"/.dockerenv", "/etc/mtab"}

// files tells the image: a hash over the names, sizes and modes of all that lies on the root file system itself.
func files(mounts map[string]mount) map[string]any {
	hash := sha256.New()
	found := []string{}
	filepath.WalkDir("/", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if _, mounted := mounts[path]; mounted && path != "/" {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if slices.Contains(marks, path) {
			found = append(found, path)
			return nil
		}
		info, err := entry.Info()
		// a folder may be there only because a mount needed it
		if err != nil || entry.IsDir() {
			return nil
		}
		raw := info.Sys().(*syscall.Stat_t)
		fmt.Fprintf(hash, "%s %d %o %d:%d\n", path, info.Size(), raw.Mode, raw.Uid, raw.Gid)
		return nil
	})
	return map[string]any{"digest": fmt.Sprintf("%x", hash.Sum(nil))[:16], "marks": found}
}
