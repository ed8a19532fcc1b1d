package webdav

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// Lock answers LOCK: a new lock with a body, an old one's renewal without. A
// lock on what is not there makes an empty file (RFC 4918, 7.3).
func (h *Handler) Lock(w http.ResponseWriter, r *http.Request) error {
	at, err := h.at(r)
	if err != nil {
		return err
	}
	if at.top {
		return errFixed
	}
	life, err := lifetime(r.Header)
	if err != nil {
		return err
	}
	body, err := readBody(r)
	if err != nil {
		return err
	}
	if body == nil {
		return h.renewLock(w, r, at, life)
	}
	l, err := readLock(body)
	if err != nil {
		return err
	}
	depth, err := depthOf(r.Header, depthInfinity)
	if err != nil || depth == 1 {
		return errBadHeader.Msgf("a LOCK has Depth 0 or infinity")
	}
	l.root, l.deep, l.life = at.path, depth == depthInfinity, life
	if err := h.mayLock(r, at); err != nil {
		return err
	}
	p := principal(r)
	n, err := h.core.StatNode(r.Context(), p, at.path)
	fresh := errors.Is(err, objectv1.ErrNodeNotFound)
	if err != nil && !fresh {
		return newcomer(err)
	}
	l.href = href(p.Username, at.path, n.Folder)
	if l, err = h.locks.acquire(p.AccountID, l); err != nil {
		return err
	}
	if fresh {
		if err := h.reserve(r, at); err != nil {
			_ = h.locks.release(p.AccountID, at.path, l.token) // nobody knows it
			return err
		}
	}
	w.Header().Set("Lock-Token", "<"+l.token+">")
	status := http.StatusOK
	if fresh {
		status = http.StatusCreated
	}
	writeXML(w, status, lockBody(l))
	return nil
}

// mayLock evaluates If; the locks themselves are held against each other when
// the new one is taken.
func (h *Handler) mayLock(r *http.Request, at target) error {
	_, err := h.evaluateIf(r, at)
	return err
}

// reserve makes the empty file of a lock on nothing; a file that came between is
// as good.
func (h *Handler) reserve(r *http.Request, at target) error {
	if err := h.mayChangeFolder(r, at); err != nil {
		return err
	}
	empty := r.Clone(r.Context())
	empty.Header, empty.ContentLength, empty.Body = http.Header{}, 0, http.NoBody
	in, err := readPut(empty, at)
	if err != nil {
		return err
	}
	in.Conditions.IfNoneMatchAny = true
	if _, err = h.core.PutObject(r.Context(), in); errors.Is(err, objectv1.ErrPrecondition) {
		return nil
	}
	return newcomer(err)
}

// mayChangeFolder looks for locks of the folder that a new file comes into.
func (h *Handler) mayChangeFolder(r *http.Request, at target) error {
	tokens, err := h.evaluateIf(r, at)
	if err != nil {
		return err
	}
	if l := h.locks.obstacle(principal(r).AccountID, change{at: at.parent()}, tokens); l != nil {
		return &lockedError{href: l.href}
	}
	return nil
}

func (h *Handler) renewLock(w http.ResponseWriter, r *http.Request, at target, life time.Duration) error {
	c, err := readIf(r.Header)
	if err != nil {
		return err
	}
	tokens := c.tokens()
	if len(tokens) != 1 {
		return errBadHeader.Msgf("a LOCK without a body renews the one lock that If names")
	}
	l, err := h.locks.renew(principal(r).AccountID, at.path, tokens[0], life)
	if err != nil {
		return objectv1.ErrPrecondition.Because(err) // RFC 4918, 9.10.2 and 10.4.1
	}
	writeXML(w, http.StatusOK, lockBody(l))
	return nil
}

// Unlock answers UNLOCK.
func (h *Handler) Unlock(w http.ResponseWriter, r *http.Request) error {
	at, err := h.at(r)
	if err != nil {
		return err
	}
	token := strings.TrimSpace(r.Header.Get("Lock-Token"))
	if len(token) < 3 || token[0] != '<' || token[len(token)-1] != '>' {
		return errBadHeader.Msgf("Lock-Token is a token in angle brackets")
	}
	if err := h.locks.release(principal(r).AccountID, at.path, token[1:len(token)-1]); err != nil {
		return err
	}
	return made(w, false)
}

// readLock reads a DAV:lockinfo.
func readLock(root *element) (lock, error) {
	var l lock
	scope, kind := root.child("lockscope"), root.child("locktype")
	if !root.is("lockinfo") || scope == nil || kind == nil || kind.child("write") == nil {
		return l, errBadXML.Msgf("the body is no DAV:lockinfo of a write lock")
	}
	l.shared = scope.child("shared") != nil
	if l.shared == (scope.child("exclusive") != nil) {
		return l, errBadXML.Msgf("a lock is either exclusive or shared")
	}
	if o := root.child("owner"); o != nil {
		l.owner.text = strings.TrimSpace(o.text)
		if u := o.child("href"); u != nil {
			l.owner = owner{text: strings.TrimSpace(u.text), url: true}
		}
		if len(l.owner.text) > 1024 {
			return l, errBadXML.Msgf("the owner of a lock has 1024 bytes at most")
		}
	}
	return l, nil
}

// lifetime reads Timeout: the first of its wishes that can be met, an hour at
// most.
func lifetime(h http.Header) (time.Duration, error) {
	values := strings.Join(h.Values("Timeout"), ",")
	if values == "" {
		return maxLockTime, nil
	}
	for one := range strings.SplitSeq(values, ",") {
		one = strings.TrimSpace(one)
		if strings.EqualFold(one, "Infinite") {
			return maxLockTime, nil
		}
		if len(one) < 8 || !strings.EqualFold(one[:7], "Second-") || !digits(one[7:]) {
			continue
		}
		n, err := strconv.ParseUint(one[7:], 10, 32)
		if err != nil || n > uint64(maxLockTime/time.Second) {
			return maxLockTime, nil // more than an hour, however much
		}
		return max(minLockTime, time.Duration(n)*time.Second), nil
	}
	return 0, errBadHeader.Msgf("Timeout is Infinite, or Second- and a number")
}

func lockBody(l lock) []byte {
	var b bytes.Buffer
	b.WriteString(xmlHead + "<d:prop" + xmlSpaces + ">")
	writeLocks(&b, []lock{l})
	b.WriteString("</d:prop>\n")
	return b.Bytes()
}
