package daemons

import (
	"os"
	"syscall"
)

// hold finds a port that is free and keeps it for a server: nobody else is
// given it, neither who asks for any port nor who connects from one. A server
// that binds it by its number can, as all that are started here set
// SO_REUSEADDR, and this one does not listen.
func hold() (port int, held *os.File, err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, nil, os.NewSyscallError("socket", err)
	}
	held = os.NewFile(uintptr(fd), "port")
	defer func() {
		if err != nil {
			held.Close()
		}
	}()
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return 0, nil, os.NewSyscallError("setsockopt", err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, nil, os.NewSyscallError("bind", err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return 0, nil, os.NewSyscallError("getsockname", err)
	}
	return name.(*syscall.SockaddrInet4).Port, held, nil //nolint:forcetypeassert // it was bound to one
}
