package platform

import (
	"context"
	"fmt"
	"net"

	"github.com/nats-io/nats.go"
)

// maxSocketPath is what every Unix takes as the path of a socket.
const maxSocketPath = 103

// CheckSocketPath says clearly that a path is too long for a socket, which
// Unix itself only calls an invalid argument.
func CheckSocketPath(path string) error {
	if len(path) > maxSocketPath {
		return fmt.Errorf("the path %s has %d bytes, a socket's may have %d: use a data directory with a shorter path, or let nats.addr be an address", path, len(path), maxSocketPath)
	}
	return nil
}

// socketDialer reaches a nats-server through a Unix socket.
type socketDialer struct{ path string }

// Dial implements nats.CustomDialer; the address is that of no machine.
func (d socketDialer) Dial(_, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(context.Background(), "unix", d.path)
}

// SkipTLSHandshake implements the rest of a custom dialer.
func (socketDialer) SkipTLSHandshake() bool { return true }

func socketDial(path string, identity []nats.Option) Dial {
	return func(opts ...nats.Option) (*nats.Conn, error) {
		if err := CheckSocketPath(path); err != nil {
			return nil, err
		}
		base := append([]nats.Option{nats.SetCustomDialer(socketDialer{path})}, identity...)
		nc, err := nats.Connect("nats://sluice.sock", append(base, opts...)...)
		if err != nil {
			return nil, fmt.Errorf("connecting to the nats-server through %s: %w", path, err)
		}
		return nc, nil
	}
}
