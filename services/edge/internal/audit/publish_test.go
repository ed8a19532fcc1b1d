package audit_test

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	auditv1 "github.com/sluicehq/sluice/contracts/audit/v1"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/services/edge/internal/audit"
)

const (
	stored    = `{"stream":"AUDIT","seq":7}`
	inProcess = `{"error":{"code":409,"err_code":10158,"description":"duplicate message id is in process"}}`
	noLeader  = `{"error":{"code":503,"err_code":10008,"description":"JetStream system temporarily unavailable"}}`
	full      = `{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"}}`
	noRoom    = `{"error":{"code":503,"err_code":10023,"description":"insufficient resources"}}`
)

// TestJetStream_Answers stands in for the stream, and answers as a cluster does
// while its leader changes.
func TestJetStream_Answers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers []string
		code    jetstream.ErrorCode // 0: stored in the end
	}{
		"at once":                 {answers: []string{stored}},
		"the id is under way":     {answers: []string{inProcess, inProcess, stored}},
		"no leader for a moment":  {answers: []string{noLeader, stored}},
		"full":                    {answers: []string{full}, code: 10077},
		"the account has no room": {answers: []string{noLeader, noRoom}, code: 10023},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := natstest.Start(t)
			back := natstest.Conn(t, srv)
			asked := make(chan *nats.Msg, 10)
			answers := c.answers
			_, err := back.Subscribe(auditv1.SubjectV1, func(m *nats.Msg) {
				asked <- m
				if len(answers) > 0 {
					_ = m.Respond([]byte(answers[0]))
					answers = answers[1:]
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := back.Flush(); err != nil { // the server knows who answers
				t.Fatal(err)
			}
			js, err := jetstream.New(natstest.Conn(t, srv))
			if err != nil {
				t.Fatal(err)
			}
			err = audit.JetStream(js)(t.Context(), []byte(`{"records":[]}`))
			var api *jetstream.APIError
			switch {
			case c.code == 0 && err != nil:
				t.Error(err)
			case c.code != 0 && (!errors.As(err, &api) || api.ErrorCode != c.code):
				t.Errorf("%v, want the code %d", err, c.code)
			}
			if len(asked) != len(c.answers) {
				t.Fatalf("asked %d times, want %d", len(asked), len(c.answers))
			}
			id := ""
			for range c.answers {
				m := <-asked
				if got := m.Header.Get(nats.MsgIdHdr); got == "" || id != "" && got != id {
					t.Errorf("under the id %q, before %q", got, id)
				} else {
					id = got
				}
			}
		})
	}
}
