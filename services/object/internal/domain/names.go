package domain

import (
	"net/netip"
	"strings"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// CheckBucketName holds a name against the rules of S3: 3-63 of lower-case
// letters, digits, '-' and '.', letter or digit at both ends, no empty label,
// no IPv4 form, and none of the prefixes and suffixes that S3 keeps for itself.
func CheckBucketName(name string) error {
	bad := objectv1.ErrInvalidBucketName
	if len(name) < 3 || len(name) > 63 || !alnum(name[0]) || !alnum(name[len(name)-1]) {
		return bad
	}
	for i := range len(name) {
		if c := name[i]; !alnum(c) && c != '-' && c != '.' {
			return bad
		}
	}
	if strings.Contains(name, "..") {
		return bad.Msgf("bucket names may not hold two periods in a row")
	}
	if addr, err := netip.ParseAddr(name); err == nil && addr.Is4() || looksLikeIPv4(name) {
		return bad.Msgf("bucket names may not look like an IP address")
	}
	for _, p := range []string{"xn--", "sthree-", "amzn-s3-demo-"} {
		if strings.HasPrefix(name, p) {
			return bad.Msgf("bucket names may not start with %q", p)
		}
	}
	for _, s := range []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"} {
		if strings.HasSuffix(name, s) {
			return bad.Msgf("bucket names may not end with %q", s)
		}
	}
	return nil
}

func alnum(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

// looksLikeIPv4 takes any four dotted numbers, also those that no address has.
func looksLikeIPv4(name string) bool {
	labels := strings.Split(name, ".")
	if len(labels) != 4 {
		return false
	}
	for _, l := range labels {
		if l == "" || strings.Trim(l, "0123456789") != "" {
			return false
		}
	}
	return true
}
