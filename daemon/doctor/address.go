package doctor

import (
	"errors"
	"io/fs"
	"net"
	"net/netip"
)

// systemAddresses returns the addresses of the network interfaces of this machine.
func systemAddresses() ([]netip.Addr, error) {
	found, err := net.InterfaceAddrs()
	var all []netip.Addr
	for _, a := range found {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			all = append(all, prefix.Addr())
		}
	}
	return all, err
}

// cause returns the error of the system in err, without the call and the path.
func cause(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}
