package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/test/cluster/balance"
)

// Health of a process.
type Health struct {
	Name    string
	PID     int // 0: it does not run
	Healthy bool
	Detail  string
}

// Health looks at processes: nats-servers by their monitoring, services by
// /readyz and their answer to a ping on the bus, edges by /readyz, the balancer by
// what it knows of the edges.
func (c *Cluster) Health(ctx context.Context, ps []Process) []Health {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var answers map[string]bool // "service pid"
	out := make([]Health, len(ps))
	for i, p := range ps {
		h := Health{Name: p.Name, PID: c.PID(p)}
		switch {
		case h.PID == 0:
			h.Detail = "does not run"
		case p.Service == "nats":
			h.Healthy, h.Detail = c.serverHealth(ctx, p)
		case p.Service == "edge":
			h.Healthy, h.Detail = ready(ctx, p.Addr)
		case p.Service == Balancer:
			h.Healthy, h.Detail = c.balancerHealth(ctx)
		default:
			if answers == nil {
				answers = c.ping()
			}
			if h.Healthy, h.Detail = ready(ctx, p.Metrics); h.Healthy && !answers[serviceName(p.Service)+" "+strconv.Itoa(h.PID)] {
				h.Healthy, h.Detail = false, "does not answer calls"
			}
		}
		out[i] = h
	}
	return out
}

// serviceName is under which name a service answers calls.
func serviceName(service string) string {
	if service == "linkchecker" {
		return linksv1.Name
	}
	return service
}

func (c *Cluster) serverHealth(ctx context.Context, p Process) (bool, string) {
	st := c.Server(ctx, slices.Index(c.Monitor, p.Addr))
	if !st.Healthy {
		return false, st.Why
	}
	text := fmt.Sprintf("%d connections", st.Connections)
	if st.Meta == p.Name {
		text += fmt.Sprintf(", leads JetStream: %d of %d servers current", st.Peers, Servers)
	}
	return true, text
}

func ready(ctx context.Context, addr string) (bool, string) {
	status, body, err := get(ctx, "http://"+addr+"/readyz")
	if err != nil {
		return false, err.Error()
	}
	return status == http.StatusOK, strings.TrimSpace(string(body))
}

func get(ctx context.Context, url string) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return resp.StatusCode, b, err
}

func (c *Cluster) balancerHealth(ctx context.Context) (bool, string) {
	_, body, err := get(ctx, "http://"+c.Status)
	if err != nil {
		return false, err.Error()
	}
	var states []balance.State
	if err := json.Unmarshal(body, &states); err != nil {
		return false, "its state cannot be read: " + err.Error()
	}
	n := 0
	for _, s := range states {
		if s.Ready {
			n++
		}
	}
	return n > 0, fmt.Sprintf("%s, %d of %d edges get requests", c.URL(), n, len(states))
}

// connect dials the nats-servers as the operator.
func (c *Cluster) connect() (*nats.Conn, error) {
	creds, err := c.operator()
	if err != nil {
		return nil, err
	}
	return nats.Connect(c.NATSURL(), nats.UserInfo(creds.User, creds.Password), nats.Timeout(time.Second))
}

// pingFor is how long answers to a ping are waited for, and pingQuiet after which
// pause no more of them are expected.
const (
	pingFor   = time.Second
	pingQuiet = 150 * time.Millisecond
)

// ping asks all services for a sign of life and gives "service pid" of those
// that answer.
func (c *Cluster) ping() map[string]bool {
	out := map[string]bool{}
	nc, err := c.connect()
	if err != nil {
		return out
	}
	defer nc.Close()
	subject, _ := micro.ControlSubject(micro.PingVerb, "", "")
	inbox, err := nc.SubscribeSync(nc.NewRespInbox())
	if err != nil {
		return out
	}
	if err := nc.PublishRequest(subject, inbox.Subject, nil); err != nil {
		return out
	}
	for wait := pingFor; ; wait = pingQuiet {
		m, err := inbox.NextMsg(wait)
		if err != nil {
			return out
		}
		var p micro.Ping
		if json.Unmarshal(m.Data, &p) == nil {
			out[p.Name+" "+p.Metadata[rpc.MetadataPID]] = true
		}
	}
}

// StreamState says where a stream is and how far its copies are.
type StreamState struct {
	Name     string
	Leader   string // "": none is elected
	Current  int    // copies that have everything, the leader's included
	Replicas int    // that there are to be
	Messages uint64
}

// Streams lists the streams, those behind buckets and object stores too.
func (c *Cluster) Streams(ctx context.Context) ([]StreamState, error) {
	nc, err := c.connect()
	if err != nil {
		return nil, fmt.Errorf("connecting to the nats-servers: %w", err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	var out []StreamState
	list := js.ListStreams(ctx)
	for info := range list.Info() {
		s := StreamState{Name: info.Config.Name, Replicas: info.Config.Replicas, Messages: info.State.Msgs}
		if info.Cluster != nil {
			s.Leader = info.Cluster.Leader
			if s.Leader != "" {
				s.Current = 1
			}
			for _, r := range info.Cluster.Replicas {
				if r.Current && !r.Offline {
					s.Current++
				}
			}
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b StreamState) int { return strings.Compare(a.Name, b.Name) })
	return out, list.Err()
}
