package badge

// AskAlone is how many calls one client has under way.
const AskAlone = askAlone

// Known tells how many ids are in memory.
func (b *Badges) Known() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.known)
}

// KeptBytes tells what the pictures in memory come to.
func (b *Badges) KeptBytes() (n int) {
	for _, s := range []*shelf{b.gallery.usual, b.gallery.others} {
		s.mu.RLock()
		n += s.bytes
		s.mu.RUnlock()
	}
	return n
}

// Fresh reports whether the watch vouches for anything.
func (b *Badges) Fresh() bool { return b.now().UnixNano() < b.vouched.Load() }
