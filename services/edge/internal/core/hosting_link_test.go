package core_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/services/edge/internal/core"
)

func linking(t *testing.T, now *time.Time) *core.Core {
	t.Helper()
	master, err := keys.LoadOrCreate(filepath.Join(t.TempDir(), "master.key"), false)
	if err != nil {
		t.Fatal(err)
	}
	return &core.Core{
		HostingLinks: master.Signer(core.PurposeHosting), FolderPasswords: master.Signer(core.PurposeFolderPassword), Now: func() time.Time { return *now },
	}
}

func TestHosting_Hashes(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := linking(t, &now)
	del, info, unique := c.DeleteHash("node1"), c.InfoHash("node1"), c.UniqueHash("node1")
	if len(del) != 32 || len(info) != 32 || len(unique) != 64 || del == info || strings.HasPrefix(unique, del) || strings.HasPrefix(unique, info) {
		t.Errorf("%s %s %s", del, info, unique)
	}
	if !c.IsDeleteHash("node1", del) || !c.IsInfoHash("node1", info) {
		t.Error("a hash does not hold")
	}
	for _, bad := range []string{"", info, c.DeleteHash("node2"), unique, unique[:32], strings.ToUpper(del), del[:31], del + "00", " " + del, strings.Repeat("0", 32), "zz"} {
		if c.IsDeleteHash("node1", bad) {
			t.Errorf("%q deletes the file", bad)
		}
	}
	if c.IsInfoHash("node1", del) {
		t.Error("the hash of the deletion opens another page")
	}
}

func TestHosting_DownloadToken(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 7, 15, 35, 17, 0, time.UTC)
	c := linking(t, &now)
	token := c.DownloadToken("node1")
	if len(token) != 64 || c.CheckDownloadToken("node1", token) != nil {
		t.Errorf("%q", token)
	}
	later := "00000000ffffffff" + token[16:]
	for _, bad := range []string{"", token[:63], token + "0", strings.ToUpper(token), later, c.DownloadToken("node2"), strings.Repeat("0", 64), strings.Repeat("z", 64), c.UniqueHash("node1")} {
		if bad != token && c.CheckDownloadToken("node1", bad) == nil {
			t.Errorf("%q opens the file", bad)
		}
	}
	now = now.Add(core.DownloadLife - time.Second)
	if err := c.CheckDownloadToken("node1", token); err != nil {
		t.Error(err)
	}
	now = now.Add(time.Second)
	if c.CheckDownloadToken("node1", token) == nil {
		t.Error("it holds for more than a day")
	}
}

func TestHosting_FolderPassword(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := linking(t, &now)
	const sum = "d9729feb74992cc3482b350163a1a010"
	kept, err := c.FolderPassword(strings.ToUpper(sum))
	if err != nil || len(kept) != 32 || strings.Contains(string(kept), sum) {
		t.Fatalf("%x %v", kept, err)
	}
	s := objectv1.Sharing{PasswordHash: kept}
	if !c.OpensFolder(s, sum) || !c.OpensFolder(s, strings.ToUpper(sum)) || c.OpensFolder(s, "") || c.OpensFolder(s, strings.Repeat("0", 32)) || c.OpensFolder(s, core.ShownPassword(s)) {
		t.Error("the wrong one opens it")
	}
	if shown := core.ShownPassword(s); len(shown) != 32 || shown == sum {
		t.Errorf("shown as %s", shown)
	}
	none, err := c.FolderPassword("")
	if err != nil || none == nil || len(none) > 0 || core.ShownPassword(objectv1.Sharing{PasswordHash: none}) != "" || !c.OpensFolder(objectv1.Sharing{}, "") {
		t.Errorf("%x %v", none, err)
	}
	for _, bad := range []string{"secret", sum[:31], sum + "0", strings.Repeat("g", 32), strings.Repeat("é", 16)} {
		if _, err := c.FolderPassword(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestCleanNodeName(t *testing.T) {
	t.Parallel()
	for _, k := range []struct {
		in, want string
		ok       bool
	}{
		{"a", "a", true}, {" a ", "a", true}, {"AC/DC", "AC_DC", true}, {"/", "_", true}, {"file", "file", true}, {"a\x00b\u202e", "ab", true},
		{strings.Repeat("é", 200) + ".txt", strings.Repeat("é", 125) + ".txt", true},
		{"", "", false}, {".", "", false}, {"..", "", false}, {" \x01 ", "", false}, {"\xff", "", false},
	} {
		if got, ok := core.CleanNodeName(k.in); ok != k.ok || ok && got != k.want {
			t.Errorf("%q became %q, %t", k.in, got, ok)
		}
	}
}
