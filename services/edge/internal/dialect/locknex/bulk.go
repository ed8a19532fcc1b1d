package locknex

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// Bounds of a bulk request.
const (
	maxBulk      = 500     // items
	maxBulkBytes = 8 << 20 // of its body
	bulkWorkers  = 4       // items under way
	bulkPerToken = 10      // items that count as one request
)

// wireBulk asks for the same of several containers: the items of create are those
// of POST /container/create, the others have a container_id.
type wireBulk struct {
	Action string            `json:"action"`
	Items  []json.RawMessage `json:"items"`
}

// wireResults answers in the order of the items.
type wireResults struct {
	Success   bool  `json:"success"`
	Succeeded int   `json:"succeeded"`
	Failed    int   `json:"failed"`
	Results   []any `json:"results"`
}

// One result is the answer to a request for the item alone, with its place.
type (
	bulkCreated struct {
		Index int `json:"index"`
		wireCreated
	}
	bulkStatus struct {
		Index int `json:"index"`
		wireStatus
	}
	bulkDeleted struct {
		Index int `json:"index"`
		wireDeleted
	}
	bulkFailed struct {
		Index int `json:"index"`
		wireError
	}
)

// BulkContainers answers POST /container/bulk. An item that fails keeps no other
// one from being done.
func (h *Handler) BulkContainers(w http.ResponseWriter, r *http.Request) error {
	var body wireBulk
	if err := dialect.ReadLongJSON(r, &body, maxBulkBytes); err != nil {
		return err
	}
	action, ok := map[string]struct {
		do    func(*http.Request, int, json.RawMessage) (any, error)
		scope authv1.Scope
	}{
		"create": {h.bulkCreate, authv1.ScopeWrite}, "status": {h.bulkStatus, authv1.ScopeRead}, "delete": {h.bulkDelete, authv1.ScopeDelete},
	}[body.Action]
	if !ok {
		return fault.ErrInvalid.Msgf("action is create, status or delete")
	}
	if err := core.MayContainers(callerOf(r).Principal, action.scope); err != nil {
		return err //nolint:wrapcheck // it says what is missing
	}
	if len(body.Items) == 0 || len(body.Items) > maxBulk {
		return fault.ErrInvalid.Msgf("items is a list of 1 to %d", maxBulk)
	}
	if _, err := onceOf(r); err != nil {
		return err
	}
	if n := (len(body.Items) - 1) / bulkPerToken; n > 0 {
		if err := h.spend(w, r, n); err != nil {
			return err
		}
	}
	out := wireResults{Success: true, Results: make([]any, len(body.Items))}
	inParallel(r.Context(), len(body.Items), func(i int) {
		res, err := action.do(r, i, body.Items[i])
		if err != nil {
			_, e := errorOf(err)
			res = bulkFailed{Index: i, wireError: e}
		}
		out.Results[i] = res
	})
	if err := r.Context().Err(); err != nil {
		return fault.From(err)
	}
	for _, res := range out.Results {
		if _, failed := res.(bulkFailed); failed {
			out.Failed++
		} else {
			out.Succeeded++
		}
	}
	return answer(w, out)
}

// inParallel does n things, bulkWorkers at a time, until ctx ends.
func inParallel(ctx context.Context, n int, do func(i int)) {
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(bulkWorkers, n) {
		workers.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		next <- i
	}
	close(next)
	workers.Wait()
}

func (h *Handler) bulkCreate(r *http.Request, i int, item json.RawMessage) (any, error) {
	var b wish
	if err := dialect.DecodeJSON(item, &b); err != nil {
		return nil, err
	}
	n, err := b.create()
	if err != nil {
		return nil, err
	}
	key, err := onceOf(r)
	if err != nil {
		return nil, err
	}
	n.Once = onceFor(key, i)
	c, err := h.core.CreateContainer(r.Context(), callerOf(r), n)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what was being done
	}
	return bulkCreated{i, createdToWire(baseOf(r), c)}, nil
}

func (h *Handler) bulkStatus(r *http.Request, i int, item json.RawMessage) (any, error) {
	id, err := bulkID(item)
	if err != nil {
		return nil, err
	}
	c, err := h.core.Container(r.Context(), id)
	if err != nil {
		return nil, err //nolint:wrapcheck // as above
	}
	return bulkStatus{i, statusToWire(c)}, nil
}

func (h *Handler) bulkDelete(r *http.Request, i int, item json.RawMessage) (any, error) {
	id, err := bulkID(item)
	if err != nil {
		return nil, err
	}
	if err := h.core.DeleteContainer(r.Context(), callerOf(r), id); err != nil {
		return nil, err //nolint:wrapcheck // as above
	}
	return bulkDeleted{i, wireDeleted{Success: true, ContainerID: id}}, nil
}

func bulkID(item json.RawMessage) (string, error) {
	var b struct {
		ContainerID string `json:"container_id"`
	}
	if err := dialect.DecodeJSON(item, &b); err != nil {
		return "", err //nolint:wrapcheck // it says what is wrong
	}
	if b.ContainerID == "" {
		return "", fault.ErrInvalid.Msgf("container_id is needed")
	}
	if !linksv1.ValidID(b.ContainerID) {
		return "", linksv1.ErrNotFound
	}
	return b.ContainerID, nil
}
