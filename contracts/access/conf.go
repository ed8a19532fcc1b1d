package access

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/pkg/rpc"
)

// PasswordsFile is what Conf includes: the users' password hashes, which Passwords
// renders.
const PasswordsFile = "passwords.conf"

// Conf renders the users as a piece of nats-server's configuration, to be included
// by it, for an installation with these object stores. Passwords are variables, set
// by PasswordsFile beside it.
func Conf(stores []string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `# The users of Sluice and what each may do. Made from contracts/access; do not edit.
# Include it in the configuration of every nats-server of the cluster. What the
# variables stand for is in %[1]s ('sluice bus users' makes it): bcrypt hashes.
include "%[1]s"

authorization {
  timeout: 10 # seconds; a client on a busy machine may take more than the usual two
  users = [
    # the command line: everything
    { user: %[2]s, password: $%[3]s }
`, PasswordsFile, rpc.Operator, variable(rpc.Operator))
	for _, user := range Services() {
		may := Of(user, stores)
		fmt.Fprintf(&b, "    {\n      user: %s, password: $%s\n      permissions {\n", user, variable(user))
		list(&b, "publish", may.Publish)
		list(&b, "subscribe", may.Subscribe)
		b.WriteString("      }\n    }\n")
	}
	b.WriteString("  ]\n}\n")
	return b.Bytes()
}

func list(b *bytes.Buffer, what string, subjects []string) {
	fmt.Fprintf(b, "        %s { allow: [\n", what)
	for _, s := range subjects {
		fmt.Fprintf(b, "          %q\n", s)
	}
	b.WriteString("        ] }\n")
}

// Passwords renders PasswordsFile: by user, the hash of the password.
func Passwords(hash func(user string) (string, error)) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("# Password hashes of Sluice's users; keep it readable by nats-server only.\n")
	for _, user := range append([]string{rpc.Operator}, Services()...) {
		h, err := hash(user)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%s = %q\n", variable(user), h)
	}
	return b.Bytes(), nil
}

func variable(user string) string { return "SLUICE_" + strings.ToUpper(user) }
