package rpc

import "github.com/nats-io/nats.go"

// Operator is the user of the nats-server who may do everything: declare streams,
// look into them, and call every service. It is the command line's.
const Operator = "operator"

// InboxPrefix is what the subjects of answers to one user begin with, without
// the dot behind it (nats.CustomInboxPrefix): one of its own per service means that
// no service can listen to the answers that another one gets. The operator's is
// that of every NATS tool.
func InboxPrefix(user string) string {
	const usual = len(nats.InboxPrefix) - 1
	if user == Operator {
		return nats.InboxPrefix[:usual]
	}
	return nats.InboxPrefix[:usual] + "_" + user
}
