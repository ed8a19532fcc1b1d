package locknex

import (
	"encoding/json"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// Wished reads the body of create, for its fuzz target.
func Wished(body []byte) (title string, links []linksv1.LinkInput, err error) {
	var b wish
	if err := dialect.DecodeJSON(json.RawMessage(body), &b); err != nil {
		return "", nil, err
	}
	n, err := b.create()
	return n.Title, n.Links, err
}

// ListOf reads the query of list.
var ListOf = listOf
