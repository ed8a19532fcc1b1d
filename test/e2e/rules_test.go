package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// The rules of lockwell.md, lockr.md, plik.md with plik-wire.md, locknex.md and
// yetishare.md (and of their sources, where those say more), one row each, in the
// order of the documents. A row is named by its section and its
// number there, so that `go test -run 'TestRules/embedded/PUT/PUT.07'` shows one rule.
// TestRules_Complete holds this list to the tables; tenants_test.go is beside it,
// a second tenant who tries every route:
//
//	section        rows  what it covers                                   file
//	AUTH             10  the bearer rule, the tenant                      rules_token_test.go
//	TOKEN            17  /auth/token, the token's form, its end           rules_token_test.go
//	KEY              14  access keys: form, scopes, limits, management    rules_key_test.go
//	POLICY           16  bucket policies                                  rules_policy_test.go
//	BUCKET           18  buckets and versioning states                    rules_bucket_test.go
//	NAME             11  object keys arrive exactly                       rules_name_test.go
//	PUT              35  PUT: headers, conditions, digests, bodies        rules_put_test.go, rules_digest_test.go
//	IDEM             12  Idempotency-Key                                  rules_idempotency_test.go
//	SIZE             10  size limits and quota                            rules_size_test.go
//	GET              22  GET and HEAD: ranges, conditions, headers        rules_get_test.go
//	LIST             15  listings                                         rules_list_test.go
//	DELETE           12  DELETE and batchDelete                           rules_delete_test.go
//	COPY             18  server-side copy                                 rules_copy_test.go
//	VERSION          13  versions, suspension                             rules_version_test.go
//	TAG               8  tags                                             rules_tag_test.go
//	WORM             21  retention and legal hold                         rules_worm_test.go
//	PART             36  multipart                                        rules_multipart_test.go, rules_part_test.go
//	SIGN             18  signed URLs                                      rules_sign_test.go
//	NOTIFY           13  notifications                                    rules_notify_test.go
//	ERROR            10  errors and request ids                           rules_error_test.go
//	AUDIT             6  the audit trail                                  rules_audit_test.go
//	FIXED             9  OpenAPI and fixed points                         rules_error_test.go
//	ACCOUNT          14  lockr: log-in, tokens, password, deletion        rules_account_test.go
//	SESSION          19  lockr: resumable sessions                        rules_session_test.go
//	TUS               8  lockr: tus 1.0.0                                 rules_session_test.go
//	DIRECT            7  lockr: direct uploads, guests                    rules_file_test.go
//	FILE              7  lockr: list, register, key, delete               rules_file_test.go
//	DOWNLOAD          8  lockr: downloads                                 rules_file_test.go
//	PLIKMUST         16  plik-wire.md: each statement marked must         plik_must_test.go
//	PLIKTEXT         25  plik-wire.md 15: each error text                 plik_text_test.go
//	PLIKDEFECT       19  plik-wire.md 17: what stands in brackets         plik_defect_test.go
//	PLIKMD           22  plik.md, line by line                            plik_md_test.go
//	PLIKAPI          25  plik-wire.md 1 to 5: forms, headers, /config     plik_api_test.go
//	PLIKCREATE       22  plik-wire.md 5, 6: flags, creation               plik_create_test.go
//	PLIKADD          13  plik-wire.md 7: adding a file                    plik_create_test.go
//	PLIKGET          12  plik-wire.md 8 to 10: downloads, streams         plik_get_test.go
//	PLIKKEEP         12  plik-wire.md 11, 12: archives, removal           plik_get_test.go
//	PLIKAUTH         16  plik-wire.md 13: log-in, tokens, addresses       plik_user_test.go
//	PLIKUSER         12  plik-wire.md 14: users, tokens, lists            plik_user_test.go
//	PLIKCLIENT        9  plik-wire.md 16: what its clients send           plik_client_test.go
//	LOCKNEXMAKE      16  locknex.md, Containers: create                   locknex_make_test.go
//	LOCKNEXSTATUS    10  locknex.md: status, ids, imports                 locknex_status_test.go
//	LOCKNEXUNLOCK     7  locknex.md: unlock                               locknex_status_test.go
//	LOCKNEXOWN       12  locknex.md: list, read, edit, delete             locknex_own_test.go
//	LOCKNEXBULK       5  locknex.md: bulk                                 locknex_own_test.go
//	LOCKNEXSTATS     11  locknex.md: clicks and referrers                 locknex_stats_test.go
//	LOCKNEXACCESS    17  locknex.md: keys, OAuth, rates, quotas           locknex_access_test.go
//	LOCKNEXBADGE      9  locknex.md, Badges; field-facts.md 1.3           locknex_badge_test.go
//	LOCKNEXPAGE      16  locknex.md, Pages; field-facts.md 1.2, 1.4 - 1.6 locknex_page_test.go
//	LOCKNEXCHECK     11  locknex.md, Link checker, as seen from outside   locknex_check_test.go
//	LOCKNEXHOOK       9  locknex.md: webhooks                             locknex_hook_test.go
//	LOCKNEXCLIENT     8  locknex.md: sluice-client                        locknex_client_test.go
//	LOCKNEXINPUT      9  what no body, field or form of it may be         locknex_input_test.go
//	LOCKNEXEND        7  containers end with their account                locknex_end_test.go
//	YETIAUTH         16  yetishare.md: authorize, keys, tokens             yetishare_auth_test.go
//	YETIWAY          11  parameters, answers, statuses, rates              yetishare_auth_test.go
//	YETITEXT         18  source/yetishare.txt: each sentence, in order     yetishare_text_test.go
//	YETIACCOUNT       5  account/info, account/package                     yetishare_text_test.go
//	YETIUPLOAD       14  file/upload                                       yetishare_upload_test.go
//	YETIFILE         13  files: info, download, edit, delete, move, copy   yetishare_file_test.go
//	YETIFOLDER       11  folders                                           yetishare_file_test.go
//	YETINAME          5  names                                             yetishare_one_test.go
//	YETISHORT         8  short URLs                                        yetishare_short_test.go
//	YETISHARE         6  folder pages, search                              yetishare_short_test.go
//	YETIONE           7  one drive: lockr, lockwell, WebDAV                yetishare_one_test.go
//	YETIFETCH         5  remote URLs                                       yetishare_one_test.go
//	ALL             876
type section struct {
	name  string
	rules []rule
}

// rule is one sentence of the document, in short, and how it is shown.
type rule struct {
	says  string
	check func(t *testing.T, g *ground)
	// alone rules look at the whole system and run before the others.
	alone bool
}

// sections are all of them, in the order of the list above.
func sections() []section { return append(sectionsOfOthers(), yetishareSections()...) }

func sectionsOfOthers() []section {
	return []section{
		{"AUTH", authRules()}, {"TOKEN", tokenRules()}, {"KEY", keyRules()}, {"POLICY", policyRules()}, {"BUCKET", bucketRules()}, {"NAME", nameRules()},
		{"PUT", putRules()}, {"IDEM", idempotencyRules()}, {"SIZE", sizeRules()}, {"GET", getRules()}, {"LIST", listRules()}, {"DELETE", deleteRules()},
		{"COPY", copyRules()}, {"VERSION", versionRules()}, {"TAG", tagRules()}, {"WORM", wormRules()}, {"PART", append(multipartRules(), partRules()...)},
		{"SIGN", signRules()}, {"NOTIFY", notifyRules()}, {"ERROR", errorRules()}, {"AUDIT", auditRules()}, {"FIXED", fixedRules()},
		{"ACCOUNT", accountRules()}, {"SESSION", sessionRules()}, {"TUS", tusRules()}, {"DIRECT", directRules()}, {"FILE", fileRules()}, {"DOWNLOAD", downloadRules()},
		{"PLIKMUST", plikMustRules()}, {"PLIKTEXT", plikTextRules()}, {"PLIKDEFECT", plikDefectRules()}, {"PLIKMD", plikMDRules()}, {"PLIKAPI", plikAPIRules()},
		{"PLIKCREATE", plikCreateRules()}, {"PLIKADD", plikAddRules()}, {"PLIKGET", plikGetRules()}, {"PLIKKEEP", plikKeepRules()}, {"PLIKAUTH", plikAuthRules()},
		{"PLIKUSER", plikUserRules()}, {"PLIKCLIENT", plikClientRules()},
		{"LOCKNEXMAKE", locknexMakeRules()}, {"LOCKNEXSTATUS", locknexStatusRules()}, {"LOCKNEXUNLOCK", locknexUnlockRules()},
		{"LOCKNEXOWN", locknexOwnRules()}, {"LOCKNEXBULK", locknexBulkRules()}, {"LOCKNEXSTATS", locknexStatsRules()}, {"LOCKNEXACCESS", locknexAccessRules()},
		{"LOCKNEXBADGE", locknexBadgeRules()}, {"LOCKNEXPAGE", locknexPageRules()}, {"LOCKNEXCHECK", locknexCheckRules()},
		{"LOCKNEXHOOK", locknexHookRules()}, {"LOCKNEXCLIENT", locknexClientRules()}, {"LOCKNEXINPUT", locknexInputRules()}, {"LOCKNEXEND", locknexEndRules()},
	}
}

// ground is what the rules of a section stand on.
type ground struct {
	w *harness.World // plainSettings
	// tight has small limits and short times (tightSettings).
	tight *harness.World
	c     *harness.Client // the section's account in w
	edges *plikEdges
	links *harness.LinkHosts // of both Worlds
}

// Limits of the tight World.
const (
	tightStorage = 4 << 20
	tightObject  = 2 << 20
	tightBurst   = 8 // tokens at once
	tightGuest   = 1 << 20
)

// leastPart is the least size of a part in the World that is not tight; rules
// about parts would move too many bytes otherwise.
const leastPart = 1 << 10

func plainSettings() []string {
	return []string{fmt.Sprintf("SLUICE_UPLOAD_MIN_PART_SIZE=%d", leastPart), "SLUICE_SECURITY_HASH_MEMORY=8MiB", "SLUICE_SECURITY_HASH_PASSES=1", "SLUICE_LOCKR_GUEST_RATE=0",
		"SLUICE_LINKCHECKER_HASH_MEMORY=8MiB", "SLUICE_LINKCHECKER_HASH_PASSES=1", "SLUICE_LOCKNEX_RATE=100000", "SLUICE_LOCKNEX_PUBLIC_RATE=100000"}
}

// tightSettings: what expires does so soon, but not before a busy machine has
// come to the end of the rules that are not about the expiry.
func tightSettings() []string {
	return []string{
		fmt.Sprintf("SLUICE_AUTH_PLANS=standard=%d/%d/%d/%d", tightStorage, tightObject, tightContainers, tightLinks), "SLUICE_LINKCHECKER_STEPS=1s",
		"SLUICE_UPLOAD_MULTIPART_EXPIRY=15s", "SLUICE_UPLOAD_SWEEP_INTERVAL=1s",
		"SLUICE_OBJECT_SWEEP_INTERVAL=1s", fmt.Sprintf("SLUICE_SECURITY_TOKEN_BURST=%d", tightBurst), "SLUICE_SECURITY_NATIVE_API_TOKEN_TTL=10m",
		"SLUICE_UPLOAD_SESSION_EXPIRY=15s", fmt.Sprintf("SLUICE_LOCKR_GUEST_OBJECT_BYTES=%d", tightGuest), "SLUICE_LOCKR_GUEST_TTL=15s",
		"SLUICE_SECURITY_MAX_PRESIGN_TTL=1m", "SLUICE_REGIONS=us-central1,eu-west1",
		"SLUICE_SECURITY_HASH_MEMORY=8MiB", "SLUICE_SECURITY_HASH_PASSES=1", "SLUICE_LOCKR_GUEST_RATE=0",
		"SLUICE_LINKCHECKER_HASH_MEMORY=8MiB", "SLUICE_LINKCHECKER_HASH_PASSES=1",
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	for _, topology := range topologies() {
		t.Run(string(topology), func(t *testing.T) {
			t.Parallel()
			links := harness.NewLinkHosts(t)
			w := harness.Start(t, harness.Options{Topology: topology, Env: append(plainSettings(), links.Settings()...)})
			tight := harness.Start(t, harness.Options{Topology: topology, Env: append(tightSettings(), links.Settings()...)})
			edges := newPlikEdges(t, w)
			each := func(t *testing.T, s section, alone bool) {
				g := &ground{w: w, tight: tight, c: account(t, w), edges: edges, links: links}
				for i, r := range s.rules {
					if r.alone != alone {
						continue
					}
					t.Run(s.ruleName(i), func(t *testing.T) {
						if !alone {
							t.Parallel()
						}
						r.check(t, g)
					})
				}
			}
			t.Run("Alone", func(t *testing.T) {
				for _, s := range sections() {
					each(t, s, true)
				}
			})
			for _, s := range sections() {
				t.Run(s.name, func(t *testing.T) {
					t.Parallel()
					each(t, s, false)
				})
			}
		})
	}
}

func (s section) ruleName(i int) string {
	return fmt.Sprintf("%s.%02d %s", s.name, i+1, s.rules[i].says)
}

// TestRules_Complete: every row says what it is about, no two the same, and the
// list at the top of this file counts them right.
func TestRules_Complete(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("rules_test.go")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^//\t([A-Z]+) +(\d+)\b`).FindAllStringSubmatch(string(source), -1) {
		listed[m[1]] = m[2]
	}
	total := 0
	for _, s := range sections() {
		seen := map[string]bool{}
		for i, r := range s.rules {
			if r.says == "" || r.check == nil || seen[r.says] {
				t.Errorf("%s.%02d: %q", s.name, i+1, r.says)
			}
			seen[r.says] = true
		}
		total += len(s.rules)
		equal(t, "rows of "+s.name+" in the list", listed[s.name], fmt.Sprint(len(s.rules)))
		delete(listed, s.name)
	}
	equal(t, "all rows", listed["ALL"], fmt.Sprint(total))
}

// object is a JSON object.
type object = map[string]any

var buckets atomic.Int64

// bucket makes a bucket of the section's account that no other rule has.
func (g *ground) bucket(t *testing.T, options ...any) string {
	t.Helper()
	return newBucket(t, g.c, options...)
}

func newBucket(t *testing.T, c *harness.Client, options ...any) string {
	t.Helper()
	name := fmt.Sprintf("rule-%d", buckets.Add(1))
	c.Bucket(t, name, options...)
	return name
}

// key puts a small object into a new bucket and gives both names.
func (g *ground) key(t *testing.T, body string, headers ...string) (bucket, key string) {
	t.Helper()
	bucket = g.bucket(t)
	g.put(t, bucket, "k", body, headers...)
	return bucket, "k"
}

// put stores an object and gives what was answered.
func (g *ground) put(t *testing.T, bucket, key string, body any, headers ...string) harness.Object {
	t.Helper()
	return g.c.Call(t, http.MethodPut, harness.ObjectPath(bucket, key), body, headers...).Want(t, http.StatusCreated).Object(t)
}

// get reads an object of the section's account, whatever the answer.
func (g *ground) get(t *testing.T, bucket, key string, headers ...string) harness.Response {
	t.Helper()
	return g.c.Call(t, http.MethodGet, harness.ObjectPath(bucket, key), nil, headers...)
}

// absent wants that nothing is visible under a key.
func absent(t *testing.T, c *harness.Client, bucket, key string) {
	t.Helper()
	c.Get(t, bucket, key, nil).Is(t, http.StatusNotFound, "not_found")
	if all := c.ListAll(t, bucket); len(all) != 0 {
		for k := range all {
			if k == key {
				t.Fatalf("%s is listed", key)
			}
		}
	}
}

// equal compares what the test got with what it wants.
func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// sameAnswer compares two answers in all but what differs from request to
// request by nature.
func sameAnswer(t *testing.T, what string, a, b harness.Response) {
	t.Helper()
	strip := func(r harness.Response) string {
		h := r.Header.Clone()
		h.Del("X-Request-Id")
		h.Del("Date")
		body := strings.ReplaceAll(string(r.Body), r.ID(), "ID")
		h.Del("Content-Length") // ids that the client chose differ in length
		return fmt.Sprintf("%d %v %s", r.Status, h, body)
	}
	if x, y := strip(a), strip(b); x != y {
		t.Errorf("%s: the answers differ:\n%s\n%s", what, x, y)
	}
}

// throttled asks until it is refused, and gives the refusal. By then n were let in,
// and one more for each interval that passed meanwhile at most.
func throttled(t *testing.T, n int, interval time.Duration, ask func() harness.Response) harness.Response {
	t.Helper()
	r, in := untilThrottled(t, n, interval, ask)
	if in < n {
		t.Fatalf("%d were let in, want %d", in, n)
	}
	return r
}

// throttledToo is throttled of what counts with something that has just been throttled:
// fewer than n are let in, since one at most comes back in each interval.
func throttledToo(t *testing.T, n int, interval time.Duration, ask func() harness.Response) harness.Response {
	t.Helper()
	r, in := untilThrottled(t, n, interval, ask)
	if in >= n {
		t.Fatalf("%d were let in: it is counted apart", in)
	}
	return r
}

func untilThrottled(t *testing.T, n int, interval time.Duration, ask func() harness.Response) (refusal harness.Response, in int) {
	t.Helper()
	for start := time.Now(); ; in++ {
		r := ask()
		took := time.Since(start)
		switch {
		case r.Status == http.StatusTooManyRequests:
			return r, in
		case in >= n+int(took/interval), took > time.Minute:
			t.Fatalf("%d were let in within %v, want %d: %d %s", in+1, took, n, r.Status, r.Body)
		}
	}
}

// parallel runs f n times at once.
func parallel(t *testing.T, n int, f func(i int)) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}
