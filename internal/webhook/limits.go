package webhook

import "time"

// Every size and time that bounds a request.
const (
	// MaxBodyBytes is the largest body that is read. The sender's own examples are under 400 bytes.
	MaxBodyBytes = 64 << 10
	// MaxHeaderBytes bounds the request line and the headers together.
	MaxHeaderBytes = 8 << 10
	// MaxDepth is how deeply a body may nest. The sender's documents do not nest at all.
	MaxDepth = 64
	// MaxNameRunes bounds AlertName.
	MaxNameRunes = 1024
	// MaxTextRunes bounds the other texts of an alert.
	MaxTextRunes = 256
	// MaxTargetRunes bounds AlertTargetType.
	MaxTargetRunes = 63

	// ReadHeaderTimeout, ReadTimeout, WriteTimeout and IdleTimeout bound one connection.
	ReadHeaderTimeout = 5 * time.Second
	ReadTimeout       = 15 * time.Second
	WriteTimeout      = 30 * time.Second
	IdleTimeout       = 90 * time.Second

	// RetryAfter is what a caller that is turned away for now is told to wait.
	RetryAfter = 5 * time.Second
)
