package core

import (
	"crypto/hmac"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// The keys purposes of file hosting.
const (
	PurposeHosting        = "hosting-link"    // what stands in the short URLs of files
	PurposeFolderPassword = "folder-password" //nolint:gosec // a name
)

// DownloadLife is how long a download token holds (yetishare.md, /file/download).
const DownloadLife = 24 * time.Hour

const (
	hashBytes     = 16 // of the hashes in ~d and ~i
	downloadBytes = 24 // of a download token's code; its end, 8 bytes, stands before
)

// ErrBadDownload is of a download token that was altered, belongs to another file,
// or has run out.
var ErrBadDownload = fault.New(fault.Forbidden, "edge.bad_download_token", "the download token is not valid, or not any more")

// DeleteHash is what proves in /{short}~d that somebody may delete the file: 32 hex
// digits, the same for as long as the master key is.
func (c *Core) DeleteHash(nodeID string) string { return c.hostingHash("delete", nodeID) }

// IsDeleteHash reports whether hash is that of the file, under any master key.
func (c *Core) IsDeleteHash(nodeID, hash string) bool { return c.isHostingHash("delete", nodeID, hash) }

// InfoHash is what proves in /{short}~i that somebody was given the file's
// information page. It is none of DeleteHash's, so that it can be passed on.
func (c *Core) InfoHash(nodeID string) string { return c.hostingHash("info", nodeID) }

// IsInfoHash reports whether hash is that of the file, under any master key.
func (c *Core) IsInfoHash(nodeID, hash string) bool { return c.isHostingHash("info", nodeID, hash) }

// UniqueHash names a file, 64 hex digits; it gives no right.
func (c *Core) UniqueHash(nodeID string) string {
	return hex.EncodeToString(c.HostingLinks.Sign(hostingText("unique", nodeID)))
}

func (c *Core) hostingHash(use, nodeID string) string {
	return hex.EncodeToString(c.HostingLinks.Sign(hostingText(use, nodeID))[:hashBytes])
}

func (c *Core) isHostingHash(use, nodeID, hash string) bool {
	return c.isHostingCode(hostingText(use, nodeID), hash, hashBytes)
}

// isHostingCode holds the hex of a code's first bytes against all master keys.
func (c *Core) isHostingCode(text []byte, code string, size int) bool {
	got, err := hex.DecodeString(code)
	if err != nil || len(got) != size || strings.ToLower(code) != code {
		return false
	}
	for _, want := range c.HostingLinks.All(text) {
		if hmac.Equal(want[:size], got) {
			return true
		}
	}
	return false
}

func hostingText(use, nodeID string) []byte { return []byte(use + "\n" + nodeID) }

// DownloadToken lets whoever has it read the file for DownloadLife: 64 hex digits.
// Nothing is stored.
func (c *Core) DownloadToken(nodeID string) string {
	var ends [8]byte
	binary.BigEndian.PutUint64(ends[:], uint64(c.Now().Add(DownloadLife).Unix()))
	text := hex.EncodeToString(ends[:])
	return text + hex.EncodeToString(c.HostingLinks.Sign(hostingText("download "+text, nodeID))[:downloadBytes])
}

// CheckDownloadToken refuses a token that does not open the file now.
func (c *Core) CheckDownloadToken(nodeID, token string) error {
	if len(token) != 2*(8+downloadBytes) {
		return ErrBadDownload
	}
	text, code := token[:16], token[16:]
	ends, err := hex.DecodeString(text)
	if err != nil || !c.isHostingCode(hostingText("download "+text, nodeID), code, downloadBytes) ||
		uint64(c.Now().Unix()) >= binary.BigEndian.Uint64(ends) {
		return ErrBadDownload
	}
	return nil
}

// FolderPassword is what is kept of a folder's password, which is given as the 32
// hex digits of its MD5; "" stands for no password. Codes: invalid_request.
func (c *Core) FolderPassword(md5 string) ([]byte, error) {
	if md5 == "" {
		return []byte{}, nil
	}
	text := strings.ToLower(md5)
	if len(text) != 2*hashBytes || strings.Trim(text, "0123456789abcdef") != "" {
		return nil, fault.ErrInvalid.Msgf("the password of a folder is given as the MD5 of it: 32 hex digits")
	}
	return c.FolderPasswords.Sign([]byte(text)), nil
}

// OpensFolder reports whether the MD5 of a password opens the folder, in the same
// time wherever it differs.
func (c *Core) OpensFolder(s objectv1.Sharing, md5 string) bool {
	return len(s.PasswordHash) == 0 || c.FolderPasswords.Verify([]byte(strings.ToLower(md5)), s.PasswordHash)
}

// ShownPassword is what the folder's owner is shown instead of its password: 32 hex
// digits that say nothing of it; "" where there is none.
func ShownPassword(s objectv1.Sharing) string {
	if len(s.PasswordHash) < hashBytes {
		return ""
	}
	return hex.EncodeToString(s.PasswordHash[:hashBytes])
}
