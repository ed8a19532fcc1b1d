package domain

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
)

// Link is a link of a list, in a document of its own: the index by URLID is how a
// check's result finds the containers that hold the URL.
type Link struct {
	ID        string `bson:"-"` // LinkID
	Container string `bson:"container"`
	List      string `bson:"list"`
	Index     int    `bson:"index"`
	URL       string `bson:"url"` // as it was given
	URLID     string `bson:"url_id"`
	Host      string `bson:"host"`
	Mirror    int    `bson:"mirror,omitempty"`
	Backup    bool   `bson:"backup,omitempty"`

	Address string `bson:"-"` // what is checked, and the host that it counts for;
	Lane    string `bson:"-"` // both are the URL's own, and only known while the link is added
}

// LinkID names the link at an index of a list.
func LinkID(list string, index int) string { return fmt.Sprintf("%s/%04d", list, index) }

// URLID names the record of a normalised URL.
func URLID(normal string) string {
	sum := sha256.Sum256([]byte(normal))
	return hex.EncodeToString(sum[:16])
}

func newLink(container, list string, index int, e entry, normal, lane string) Link {
	return Link{
		ID: LinkID(list, index), Container: container, List: list, Index: index, URL: e.Address.URL, URLID: URLID(normal), Host: e.Host,
		Mirror: e.Mirror, Backup: e.Backup, Address: normal, Lane: lane,
	}
}

// view is the link with what is known of its URL.
func (l Link) view(u URL) linksv1.Link {
	v := linksv1.Link{
		LinkInput: linksv1.LinkInput{URL: l.URL, Mirror: l.Mirror, Backup: l.Backup},
		Index:     l.Index, Host: l.Host, Status: linksv1.Unknown,
	}
	if u.ID == "" {
		return v // its record is not there yet
	}
	v.Status, v.HTTPStatus, v.Reason, v.Name, v.Size, v.Failures = u.Status, u.HTTPStatus, u.Reason, u.Name, u.Size, u.Failures
	v.CheckedAt, v.Definite, v.DefiniteAt = utc(u.CheckedAt), u.Definite, utc(u.DefiniteAt)
	return v
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
