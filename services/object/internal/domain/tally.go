package domain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

const (
	// recountPage is how many nodes are counted at once: those of one folder share
	// the writes to its shards and to itself.
	recountPage = 500
	// recountEvery is how often a process looks for what others have marked, and
	// recountAfter how long it gathers its own marks.
	recountEvery = time.Second
	recountAfter = 50 * time.Millisecond
	// workLife bounds the work on a page; see goneKept.
	workLife = time.Minute
)

// marking tells of nodes that ask to be counted.
type marking struct {
	Nodes
	recounts chan struct{}
}

func (m marking) tell(marked bool, err error) error {
	if marked && err == nil {
		select {
		case m.recounts <- struct{}{}:
		default:
		}
	}
	return err
}

func (m marking) Insert(ctx context.Context, n Node) error {
	return m.tell(!n.RecountAt.IsZero(), m.Nodes.Insert(ctx, n))
}

func (m marking) Replace(ctx context.Context, n Node, rev int64) error {
	return m.tell(!n.RecountAt.IsZero(), m.Nodes.Replace(ctx, n, rev))
}

func (m marking) Downloaded(ctx context.Context, id string, n int64, at time.Time) error {
	return m.tell(true, m.Nodes.Downloaded(ctx, id, n, at))
}

func (m marking) Mark(ctx context.Context, id string, at time.Time) error {
	return m.tell(true, m.Nodes.Mark(ctx, id, at))
}

// RunTallies keeps the sums of folders and the index of the search in line with
// the nodes, until ctx is done. Any number of processes may.
func (s *Service) RunTallies(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		if err := s.markOld(ctx); err != nil && ctx.Err() == nil {
			s.d.Log.WarnContext(ctx, "files and folders of before sums were not all marked", "err", err)
		}
	})
	tick := time.NewTicker(recountEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.recounts:
			t := time.NewTimer(recountAfter)
			select {
			case <-ctx.Done():
				t.Stop()
				return
			case <-t.C:
			}
		}
		if err := s.Recount(ctx); err != nil && ctx.Err() == nil {
			s.d.Log.WarnContext(ctx, "some sums of folders are left for the next look", "err", err)
		}
	}
}

// Recount brings everything in line that asks for it. What cannot be brought in
// line does not stop the rest.
func (s *Service) Recount(ctx context.Context) error {
	var last error
	for ctx.Err() == nil {
		n, err := s.recountSome(ctx)
		last = firstFault(err, last)
		if n == 0 {
			return last
		}
	}
	return ctx.Err()
}

// recountSome counts the nodes that have waited longest, and gives how many of
// them wait no more.
func (s *Service) recountSome(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, workLife)
	defer cancel()
	page, err := s.st.Nodes.Recounts(ctx, s.now(), recountPage)
	if err != nil {
		return 0, fmt.Errorf("looking for what is to be counted: %w", err)
	}
	r := recounting{s: s, nodes: make([]counted, len(page)), folders: map[string]*countedFolder{}}
	err = together(len(page), func(i int) (err error) {
		r.nodes[i], err = s.weigh(ctx, page[i])
		return err
	})
	if err != nil {
		return 0, err
	}
	err = errors.Join(r.sums(ctx), r.clear(ctx))
	return r.done, err
}

// counted is a node that is counted, with what it adds to the folders above it.
type counted struct {
	Found
	counts bool // it adds something to its folder
	entry  Entry
	failed bool // one of its folders could not be brought in line
}

// weigh reads what a node adds. That comes behind the node: what changed before
// the node's mark is in it.
func (s *Service) weigh(ctx context.Context, f Found) (counted, error) {
	c := counted{Found: f, entry: Entry{Rev: f.Rev, Folder: f.Folder, Downloads: f.Downloads}}
	switch {
	case f.Account == objectv1.GuestAccount || !f.hasFolder() || f.State == NodeRemoving || f.Claim != nil:
		return c, nil
	case f.Folder:
		c.counts, c.entry.Bytes, c.entry.Downloads = true, f.Tally.Bytes, f.Tally.Downloads
		return c, nil
	}
	h, err := s.showing(ctx, f.Node)
	c.counts, c.entry.Bytes = h.Visible(), h.Size
	return c, err
}

// noted reports whether the node names all folders to whose sums it adds.
func (c counted) noted() bool { return !c.counts || slices.Contains(c.Counted, c.Parent) }

// in is the node's entry in the sums of a folder.
func (c counted) in(folder string, now time.Time) Entry {
	if c.counts && folder == c.Parent {
		return c.entry
	}
	return Entry{Rev: c.Rev, Folder: c.Folder, Gone: now}
}

// recounting is a page of nodes that are being counted.
type recounting struct {
	s       *Service
	nodes   []counted
	folders map[string]*countedFolder // by their bases
	done    int
}

// countedFolder is a folder, as it was behind the nodes, with what they bring into
// its shards.
type countedFolder struct {
	account, id string
	n           Node
	gone        bool // it has no sums, or nobody sees them any more
	entries     map[int]map[string]Entry
	nodes       []int
}

// sums brings the folders in line.
func (r *recounting) sums(ctx context.Context) error {
	now := r.s.now()
	for i, c := range r.nodes {
		if !c.noted() {
			continue
		}
		for _, id := range c.Counted {
			base := baseOf(c.Account, id)
			f := r.folders[base]
			if f == nil {
				f = &countedFolder{account: c.Account, id: id, entries: map[int]map[string]Entry{}}
				r.folders[base] = f
			}
			k := shardOf(c.ID)
			if f.entries[k] == nil {
				f.entries[k] = map[string]Entry{}
			}
			f.entries[k][c.ID] = c.in(id, now)
			f.nodes = append(f.nodes, i)
		}
	}
	all := make([]*countedFolder, 0, len(r.folders))
	for _, f := range r.folders {
		all = append(all, f)
	}
	errs := make([]error, len(all))
	_ = together(len(all), func(i int) error {
		errs[i] = r.s.sumFolder(ctx, all[i])
		return nil
	})
	for i, f := range all {
		if errs[i] != nil {
			for _, k := range f.nodes {
				r.nodes[k].failed = true
			}
		}
	}
	return errors.Join(errs...)
}

// folderOf reads a folder for its sums: a root, or one that is not being removed.
func (s *Service) folderOf(ctx context.Context, account, id string) (n Node, rev int64, gone bool, err error) {
	if id == Root {
		n, rev, err = s.st.Tallies.Root(ctx, account)
	} else {
		n, rev, err = s.st.Nodes.Get(ctx, id)
	}
	if errors.Is(err, ErrNoDocument) {
		return n, 0, true, nil
	}
	if err != nil {
		return n, 0, false, fmt.Errorf("reading a folder for its sums: %w", err)
	}
	return n, rev, n.State == NodeRemoving || n.Account != account, nil
}

// sumFolder brings entries into a folder's shards, and their sums into the folder.
// A folder that is removed goes with all its shards, so nothing is written for it;
// who wrote something all the same finds that out behind it.
func (s *Service) sumFolder(ctx context.Context, f *countedFolder) (err error) {
	if f.n, _, f.gone, err = s.folderOf(ctx, f.account, f.id); err != nil || f.gone {
		return err
	}
	base := baseOf(f.account, f.id)
	newer := make(map[int]shardSum, len(f.entries))
	var mu sync.Mutex
	ks := make([]int, 0, len(f.entries))
	for k := range f.entries {
		ks = append(ks, k)
	}
	err = together(len(ks), func(i int) error {
		k := ks[i]
		now := s.now()
		shard, rev, err := s.st.Tallies.UpdateShard(ctx, shardID(base, k), func(d *Shard) bool { return d.set(f.entries[k], now) })
		if err != nil {
			return fmt.Errorf("counting in a folder: %w", err)
		}
		mu.Lock()
		defer mu.Unlock()
		newer[k] = shardSum{rev, shard.sum()}
		return nil
	})
	if err != nil {
		return err
	}
	return s.sumShards(ctx, f, newer)
}

// sumShards brings sums of shards into their folder. When that changes what the
// folder adds to those above it, the same write asks for them to follow.
func (s *Service) sumShards(ctx context.Context, f *countedFolder, newer map[int]shardSum) error {
	for range casAttempts {
		n, rev, gone, err := s.folderOf(ctx, f.account, f.id)
		if err != nil {
			return err
		}
		if f.n, f.gone = n, gone; gone {
			return s.dropShards(ctx, baseOf(f.account, f.id))
		}
		was := n.Tally
		if !n.take(newer) {
			return nil
		}
		if f.id == Root {
			err = s.st.Tallies.SetRoot(ctx, n, rev)
		} else {
			if !was.deep(n.Tally) {
				n.recount(s.now())
			}
			err = s.st.Nodes.Replace(ctx, n, rev)
		}
		if err == nil || !errors.Is(err, ErrStale) {
			return err
		}
	}
	return errBusy
}

// clear takes the marks off nodes that are in line, each at the revision at which
// it was counted.
func (r *recounting) clear(ctx context.Context) error {
	done := make([]bool, len(r.nodes))
	err := together(len(r.nodes), func(i int) error {
		c := r.nodes[i]
		if c.failed {
			return nil
		}
		err := r.clearNode(ctx, c)
		done[i] = err == nil || errors.Is(err, ErrStale)
		if errors.Is(err, ErrStale) {
			return nil // it asks again, or is gone
		}
		return err
	})
	for _, ok := range done {
		if ok {
			r.done++
		}
	}
	return err
}

// clearNode ends the work on a node, or notes how far it came.
func (r *recounting) clearNode(ctx context.Context, c counted) error {
	s := r.s
	if !c.noted() {
		c.recount(s.now())
		return s.st.Nodes.Replace(ctx, c.Node, c.Rev)
	}
	words, err := r.wanted(ctx, c)
	if err != nil {
		return err
	}
	if err := s.index(ctx, &c.Found, words); err != nil {
		return err
	}
	next := c.Follow
	if next != nil {
		if next, err = s.spread(ctx, c.Node); err != nil {
			return err
		}
	}
	err = s.settled(ctx, c, next)
	if errors.Is(err, ErrStale) && c.Indexed {
		return s.reindex(ctx, c.ID)
	}
	return err
}

// settled takes the mark off a node: ErrStale when it is another one by now.
func (s *Service) settled(ctx context.Context, c counted, follow *Follow) error {
	n := c.Node
	n.Counted, n.RecountAt, n.Follow = nil, time.Time{}, follow
	if c.counts {
		n.Counted, n.RecountAt = []string{n.Parent}, n.ExpiresAt // then it counts no more
	}
	if follow != nil {
		n.RecountAt = s.now()
	}
	return s.st.Nodes.Replace(ctx, n, c.Rev)
}
