package controllers

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// tokenBytes is how many random bytes a token that we make has: 43 characters in base64url without padding.
const tokenBytes = 32

// newToken makes a token.
func newToken(random io.Reader) (string, error) {
	secret := make([]byte, tokenBytes)
	if _, err := io.ReadFull(random, secret); err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(secret), nil
}

// hashToken is all of a token that is ever published.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// tokenFault says what is wrong with a token, without repeating any of it; nothing when it is good.
func tokenFault(token string) string {
	if len(token) < v1alpha1.MinTokenLength {
		return fmt.Sprintf("has %d characters and needs at least %d", len(token), v1alpha1.MinTokenLength)
	}
	if strings.ContainsFunc(token, escapedInPath) {
		return "has a character that cannot stand in a URL as it is, such as a space or the end of a line"
	}
	return ""
}

// escapedInPath says that a character cannot stand unescaped in a segment of a URL's path (RFC 3986, pchar).
func escapedInPath(r rune) bool {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@"
	return !strings.ContainsRune(allowed, r)
}

// hookURL is where the sender is to deliver one kind of webhook.
func hookURL(externalURL, token, kind string) string {
	return strings.TrimRight(externalURL, "/") + "/hooks/" + token + "/" + kind
}
