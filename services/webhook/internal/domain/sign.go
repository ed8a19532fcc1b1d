package domain

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// SecretPrefix stands before a secret where people see it.
const SecretPrefix = "whsec_"

// ShowSecret gives a signing secret in the form that receivers are configured with.
func ShowSecret(secret []byte) string {
	return SecretPrefix + base64.StdEncoding.EncodeToString(secret)
}

// Headers gives the three headers of Standard Webhooks for an attempt at at. Old
// secrets sign behind secret, so that receivers can take a new one over in peace.
func Headers(id string, at time.Time, secret, body []byte, old ...[]byte) map[string]string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, 0, 1+len(old))
	for _, s := range append([][]byte{secret}, old...) {
		mac := hmac.New(sha256.New, s)
		mac.Write([]byte(id + "." + stamp + "."))
		mac.Write(body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return map[string]string{
		"webhook-id": id, "webhook-timestamp": stamp, "webhook-signature": strings.Join(signatures, " "),
	}
}
