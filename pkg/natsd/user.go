package natsd

import (
	"fmt"
	"slices"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"golang.org/x/crypto/bcrypt"
)

// User may connect to a Server, with a password, and send and hear what it is
// allowed to. The subjects of an allow list may hold wildcards; one that is nil
// allows everything.
type User struct {
	Name, Password     string
	Publish, Subscribe []string
}

// Hash gives what a nats-server's configuration may hold instead of a password.
// Passwords of Sluice's users are random, so the cheapest cost is enough.
func Hash(password string) (string, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		return "", fmt.Errorf("hashing a password of nats-server: %w", err)
	}
	return string(hash), nil
}

func serverUsers(users []User) ([]*server.User, error) {
	var out []*server.User
	for _, u := range users {
		hash, err := Hash(u.Password)
		if err != nil {
			return nil, err
		}
		su := &server.User{Username: u.Name, Password: hash}
		if u.Publish != nil || u.Subscribe != nil {
			su.Permissions = &server.Permissions{Publish: allow(u.Publish), Subscribe: allow(u.Subscribe)}
		}
		out = append(out, su)
	}
	return out, nil
}

// allow is what the server makes of a list: without one, everything is allowed.
func allow(subjects []string) *server.SubjectPermission {
	if subjects == nil {
		return nil
	}
	if len(subjects) == 0 {
		return &server.SubjectPermission{Deny: []string{">"}} // an empty list would allow everything
	}
	return &server.SubjectPermission{Allow: slices.Clone(subjects)}
}

// SetUsers replaces the users of a running server. Who is no user any more, or has
// another password, is cut off; the others stay connected, with their new rights.
func (s *Server) SetUsers(users []User) error {
	list, err := serverUsers(users)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.set.Clone()
	next.Users = list
	before := s.users
	s.users = slices.Clone(users) // whoever is cut off comes back at once
	if err := s.ns.ReloadOptions(next); err != nil {
		s.users = before
		return fmt.Errorf("changing the users of nats-server: %w", err)
	}
	s.set.Users = list
	return nil
}

// Connect opens a connection inside the process, as the first of the users.
func (s *Server) Connect(opts ...nats.Option) (*nats.Conn, error) {
	s.mu.Lock()
	first := ""
	if len(s.users) > 0 {
		first = s.users[0].Name
	}
	s.mu.Unlock()
	return s.ConnectAs(first, opts...)
}

// ConnectAs opens a connection inside the process as the user of that name; ""
// is nobody. A connection that is cut off comes back with the password of then.
func (s *Server) ConnectAs(user string, opts ...nats.Option) (*nats.Conn, error) {
	base := []nats.Option{nats.InProcessServer(s.ns), nats.MaxReconnects(-1), nats.Timeout(patience)}
	if user != "" {
		if _, ok := s.password(user); !ok {
			return nil, fmt.Errorf("connecting inside the process: the nats-server has no user %q", user)
		}
		base = append(base, nats.IgnoreAuthErrorAbort(), nats.UserInfoHandler(func() (string, string) {
			password, _ := s.password(user)
			return user, password
		}))
	}
	nc, err := nats.Connect("", append(base, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("connecting inside the process: %w", err)
	}
	return nc, nil
}

// password gives the password of a user, and whether there is one.
func (s *Server) password(name string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.users {
		if u.Name == name {
			return u.Password, true
		}
	}
	return "", false
}
