package edge_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	auditv1 "github.com/sluicehq/sluice/contracts/audit/v1"
	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
	"github.com/sluicehq/sluice/contracts/streams"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/lifecycle"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// system is a real edge over a real nats-server and blob store; auth, object
// and upload are fakes behind real RPC.
type system struct {
	url   string
	p     *platform.Platform
	auth  *edgetest.Auth
	obj   *edgetest.Object
	svc   lifecycle.Service
	ran   chan error
	token string
	key   authv1.AccessKeyWithSecret
	srvs  map[string]*rpc.Server
	red   chan struct{} // closed: the process is to stop
}

func start(t *testing.T, change ...func(*edge.Config)) *system {
	t.Helper()
	srv := natstest.Start(t)
	set := platform.Default()
	set.DataDir = t.TempDir()
	set.Blob.Shards, set.Blob.Connections = 2, 2
	set.OutboundAllow = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	red := make(chan struct{})
	p, err := platform.Open(t.Context(), set, platform.Options{
		Service: "edge", Tel: telemetry.Nop(), Declared: streams.Declared(1), Declare: true, Stopping: red,
		Dial: func(o ...nats.Option) (*nats.Conn, error) { return srv.Connect(o...) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close(context.Background()) })
	s := &system{p: p, obj: edgetest.NewObject(), ran: make(chan error, 1), srvs: map[string]*rpc.Server{}, red: red}
	s.auth = edgetest.NewAuth(p.Keys.Token(authv1.PurposeAccessToken, authv1.TokenPrefix))
	s.serve(t)
	cfg := edge.Default()
	cfg.HTTPAddr = "127.0.0.1:0"
	for _, c := range change {
		c(&cfg)
	}
	if s.svc, err = edge.New(cfg, p); err != nil {
		t.Fatal(err)
	}
	if err := s.svc.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	go func() { s.ran <- s.svc.Run(context.WithoutCancel(t.Context())) }()
	t.Cleanup(func() { s.stop(t, time.Minute) })
	s.url = "http://" + s.svc.(*edge.Service).Addrs()[0]

	if _, err := s.auth.CreateAccount(t.Context(), authv1.CreateAccountRequest{Username: "ada"}); err != nil {
		t.Fatal(err)
	}
	if s.key, err = s.auth.CreateAccessKey(t.Context(), authv1.CreateAccessKeyRequest{AccountID: "acc-ada", Grant: authv1.Grant{Scopes: edgetest.AllScopes()}}); err != nil {
		t.Fatal(err)
	}
	tok, err := s.auth.MintAccessToken(t.Context(), authv1.MintAccessTokenRequest{KeyID: s.key.ID, Secret: s.key.Secret})
	if err != nil {
		t.Fatal(err)
	}
	s.token = tok.Token
	return s
}

// webhook answers pings only.
type webhook struct{ webhookv1.Service }

// serve registers the fakes under the names of the services.
func (s *system) serve(t *testing.T) {
	t.Helper()
	for name, register := range map[string]func(*rpc.Server) error{
		"auth":    func(r *rpc.Server) error { return authv1.Register(r, s.auth) },
		"object":  func(r *rpc.Server) error { return objectv1.Register(r, s.obj) },
		"upload":  func(r *rpc.Server) error { return uploadv1.Register(r, edgetest.Upload{O: s.obj}) },
		"links":   func(r *rpc.Server) error { return linksv1.Register(r, linksv1test.NewFake(time.Now, nil)) },
		"stats":   func(r *rpc.Server) error { return statsv1.Register(r, edgetest.NewStats()) },
		"webhook": func(r *rpc.Server) error { return webhookv1.Register(r, webhook{}) },
	} {
		r, err := s.p.NewServer(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := register(r); err != nil {
			t.Fatal(err)
		}
		s.srvs[name] = r
		t.Cleanup(func() { _ = r.Stop(context.Background()) })
	}
}

func (s *system) stop(t *testing.T, within time.Duration) {
	t.Helper()
	if s.svc == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	err := s.svc.Stop(ctx)
	s.svc = nil
	if err != nil {
		t.Errorf("stopping: %v", err)
	}
	if err := <-s.ran; err != nil {
		t.Errorf("running: %v", err)
	}
}

func (s *system) do(t *testing.T, method, path string, body io.Reader, h http.Header) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	for k, v := range h {
		req.Header[k] = v
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, b
}

func (s *system) want(t *testing.T, status int, method, path string, body io.Reader, h http.Header) []byte {
	t.Helper()
	got, b := s.do(t, method, path, body, h)
	if got != status {
		t.Fatalf("%s %s: %d, want %d: %.500s", method, path, got, status, b)
	}
	return b
}

func TestEdge_RealBlobs(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.want(t, 201, "POST", "/api/v1/buckets", bytes.NewReader([]byte(`{"name":"box"}`)), nil)
	for _, size := range []int{0, 1, 4096, 1<<20 + 17, 8<<20 + 3, 20 << 20} {
		data := make([]byte, size)
		_, _ = rand.Read(data)
		path := fmt.Sprintf("/api/v1/buckets/box/objects/o-%d", size)
		s.want(t, 201, "PUT", path, bytes.NewReader(data), nil)
		s.want(t, 201, "PUT", path+"-chunked", io.MultiReader(bytes.NewReader(data)), nil)
		for _, p := range []string{path, path + "-chunked"} {
			if got := s.want(t, 200, "GET", p, nil, nil); !bytes.Equal(got, data) {
				t.Fatalf("%s: %d bytes came back for %d", p, len(got), size)
			}
		}
		if size > 100 {
			from, to := size/3, size/2
			if got := s.want(t, 206, "GET", path, nil, http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", from, to)}}); !bytes.Equal(got, data[from:to+1]) {
				t.Fatalf("range of %s: %d bytes", path, len(got))
			}
		}
	}
	if n := s.obj.Held(); n != 0 {
		t.Errorf("%d reservations stayed", n)
	}
}

func TestEdge_Readyz(t *testing.T) {
	t.Parallel()
	s := start(t)
	// On a busy machine the first round of questions may take longer than readiness waits.
	eventually(t, "it is ready", func() bool { status, _ := s.do(t, "GET", "/readyz", nil, nil); return status == 200 })
	if err := s.srvs["webhook"].Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "readyz turns red", func() bool { status, _ := s.do(t, "GET", "/readyz", nil, nil); return status == 503 })
	s.want(t, 200, "GET", "/healthz", nil, nil)
	if b := s.want(t, 200, "GET", "/-/routes", nil, nil); !bytes.Contains(b, []byte("/api/v1/buckets/{bucket}/objects/{key...}")) {
		t.Errorf("%s", b)
	}
	s.want(t, 200, "GET", "/metrics", nil, nil)
	s.want(t, 404, "GET", "/metrics", nil, http.Header{"X-Forwarded-For": {"192.0.2.1"}})
}

func TestEdge_AuditStream(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.want(t, 201, "POST", "/api/v1/buckets", bytes.NewReader([]byte(`{"name":"box"}`)), http.Header{"X-Request-Id": {"made-it"}})
	// A change is in the stream when it is answered.
	if n := audited(t, s, "made-it"); n != 1 {
		t.Fatalf("%d records of a change", n)
	}
	s.want(t, 401, "GET", "/api/v1/buckets", nil, http.Header{"X-Request-Id": {"denied-it"}, "Authorization": {"Bearer x"}})
	if n := audited(t, s, "denied-it"); n != 1 {
		t.Fatalf("%d records of a denial", n)
	}
	s.want(t, 200, "GET", "/api/v1/buckets", nil, http.Header{"X-Request-Id": {"read-it"}})
	eventually(t, "the record of a read", func() bool { return audited(t, s, "read-it") == 1 })

	// A full stream refuses changes and lets reads go on; it opens again by itself.
	all := streams.All(1)
	cfg := all[slices.IndexFunc(all, func(c jetstream.StreamConfig) bool { return c.Name == auditv1.Stream })]
	was := cfg
	cfg.MaxBytes = 1
	if _, err := s.p.JS.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	s.want(t, 503, "POST", "/api/v1/buckets", bytes.NewReader([]byte(`{"name":"box2"}`)), nil)
	s.want(t, 503, "POST", "/api/v1/buckets", bytes.NewReader([]byte(`{"name":"box3"}`)), nil)
	s.want(t, 200, "GET", "/api/v1/buckets", nil, nil)
	if _, err := s.p.JS.UpdateStream(t.Context(), was); err != nil {
		t.Fatal(err)
	}
	eventually(t, "changes go on", func() bool {
		status, _ := s.do(t, "POST", "/api/v1/buckets", bytes.NewReader([]byte(`{"name":"box4"}`)), nil)
		return status == 201 || status == 409
	})
	for _, call := range s.obj.Keys("acc-ada", "box3") {
		t.Error("a refused change was made", call)
	}
}

// audited counts the records of a request in the stream.
func audited(t *testing.T, s *system, id string) int {
	t.Helper()
	st, err := s.p.JS.Stream(t.Context(), auditv1.Stream)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for seq := uint64(1); ; seq++ {
		m, err := st.GetMsg(t.Context(), seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		var b auditv1.Batch
		if err := json.Unmarshal(m.Data, &b); err != nil {
			t.Fatal(err)
		}
		for _, r := range b.Records {
			if r.RequestID == id {
				n++
			}
		}
	}
}

// TestEdge_Revocation drives the KV bucket and the beats as auth would.
func TestEdge_Revocation(t *testing.T) {
	t.Parallel()
	s := start(t)
	kv, err := s.p.JS.KeyValue(t.Context(), authv1.KeyStateBucket)
	if err != nil {
		t.Fatal(err)
	}
	put := func(active bool, rev int64) uint64 {
		t.Helper()
		k, _ := json.Marshal(authv1.KeyState{KeyID: s.key.ID, AccountID: "acc-ada", Active: active, Grant: s.key.Grant, Revision: rev})
		a, _ := json.Marshal(authv1.AccountState{AccountID: "acc-ada", Active: true, Revision: 1})
		if _, err := kv.Put(t.Context(), "account.acc-ada", a); err != nil {
			t.Fatal(err)
		}
		seq, err := kv.Put(t.Context(), "key."+s.key.ID, k)
		if err != nil {
			t.Fatal(err)
		}
		return seq
	}
	seq := put(true, 5)
	beat := func() {
		b, _ := json.Marshal(authv1.Beat{Sequence: seq})
		_ = s.p.Events.Publish(authv1.BeatSubject, b)
	}
	s.auth.SetFail("KeyState", fmt.Errorf("must not be asked"))
	eventually(t, "the copy is trusted", func() bool {
		beat()
		status, _ := s.do(t, "GET", "/api/v1/buckets", nil, nil)
		return status == 200
	})
	seq = put(false, 6)
	eventually(t, "the revocation is known", func() bool {
		beat()
		status, _ := s.do(t, "GET", "/api/v1/buckets", nil, nil)
		return status == 401
	})
	// Without beats nothing is trusted.
	eventually(t, "a silent auth is asked", func() bool {
		status, _ := s.do(t, "GET", "/api/v1/buckets", nil, nil)
		return status == 500
	})
	seq = put(true, 5) // an older state that comes again; trusted is a copy that has it
	eventually(t, "the copy is trusted again", func() bool {
		beat()
		status, _ := s.do(t, "GET", "/api/v1/buckets", nil, nil)
		if status == 200 {
			t.Fatal("an older state won")
		}
		return status == 401
	})
}

func TestEdge_StopFinishesTransfers(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.want(t, 201, "POST", "/api/v1/buckets", bytes.NewReader([]byte(`{"name":"box"}`)), nil)
	pr, pw := io.Pipe()
	done := make(chan int, 1)
	go func() {
		req, _ := http.NewRequestWithContext(context.WithoutCancel(t.Context()), "PUT", s.url+"/api/v1/buckets/box/objects/slow", pr)
		req.Header.Set("Authorization", "Bearer "+s.token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			done <- -1
			return
		}
		resp.Body.Close()
		done <- resp.StatusCode
	}()
	if _, err := pw.Write(make([]byte, 100<<10)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the upload began", func() bool { return s.obj.Called("BeginPut") == 1 })
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.stop(t, time.Minute)
	}()
	eventually(t, "the listener is closed", func() bool {
		_, err := http.Get(s.url + "/healthz")
		return err != nil
	})
	if _, err := pw.Write(make([]byte, 100<<10)); err != nil {
		t.Fatal(err)
	}
	pw.Close()
	if status := <-done; status != 201 {
		t.Errorf("the transfer ended with %d", status)
	}
	<-stopped
}

func TestConfig_Validate(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]struct {
		change func(*edge.Config)
		ok     bool
	}{
		"default":           {func(*edge.Config) {}, true},
		"beyond loopback":   {func(c *edge.Config) { c.HTTPAddr = "0.0.0.0:80" }, false},
		"no host":           {func(c *edge.Config) { c.HTTPAddr = ":80" }, false},
		"allowed plain":     {func(c *edge.Config) { c.HTTPAddr, c.HTTP.AllowPlain = ":80", true }, true},
		"with TLS":          {func(c *edge.Config) { c.HTTPAddr, c.HTTP.TLSCert, c.HTTP.TLSKey = ":443", "c", "k" }, true},
		"half TLS":          {func(c *edge.Config) { c.HTTP.TLSCert = "c" }, false},
		"IPv6 loopback":     {func(c *edge.Config) { c.HTTPAddr = "[::1]:80" }, true},
		"localhost":         {func(c *edge.Config) { c.HTTPAddr = "localhost:80" }, true},
		"bad address":       {func(c *edge.Config) { c.HTTPAddr = "nonsense" }, false},
		"public URL":        {func(c *edge.Config) { c.PublicURL = "https://x.example/" }, true},
		"public URL + path": {func(c *edge.Config) { c.PublicURL = "https://x.example/a" }, false},
		"no signed URLs":    {func(c *edge.Config) { c.Security.MaxPresignTTL = 0 }, false},
		"no time-out":       {func(c *edge.Config) { c.HTTP.StallTimeout = 0 }, false},
	} {
		c := edge.Default()
		k.change(&c)
		if err := c.Validate(); (err == nil) != k.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not within a minute: %s", what)
		case <-tick.C:
		}
	}
}

// TestEdge_TLS speaks TLS, says so for the future, and keeps the operators'
// pages on the address of their own.
func TestEdge_TLS(t *testing.T) {
	t.Parallel()
	cert, key, pool := selfSigned(t)
	s := start(t, func(c *edge.Config) {
		c.HTTP.TLSCert, c.HTTP.TLSKey, c.AdminAddr = cert, key, "127.0.0.1:0"
	})
	addrs := s.svc.(*edge.Service).Addrs()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	req, _ := http.NewRequestWithContext(t.Context(), "GET", "https://"+addrs[0]+"/api/v1/healthz", nil)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 || resp.Header.Get("Strict-Transport-Security") == "" || resp.ProtoMajor != 2 {
		t.Errorf("%d %s %v", resp.StatusCode, resp.Proto, resp.Header)
	}
	s.url = "http://" + addrs[1]
	s.want(t, 200, "GET", "/metrics", nil, nil)
	s.want(t, 404, "GET", "/api/v1/buckets", nil, nil)
}

func selfSigned(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	kb, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pemCert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for path, b := range map[string][]byte{cert: pemCert, key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: kb})} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(pemCert)
	return cert, key, pool
}
