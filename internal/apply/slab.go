package apply

import "slices"

// chunk is how many resources a slab makes room for at a time.
const chunk = 1024

// A handle stands for a resource in a slab. 0 is none.
type handle uint32

// A slab holds the resources for which something waits, of which there may be a million, in few large pieces: the
// collector of garbage looks at pieces, and would spend more on a million small ones than the door does on deliveries.
type slab struct {
	chunks []*[chunk]resource
	// free is the first of those that were given back; each has the next one in next.
	free handle
	used int
}

func (s *slab) at(h handle) *resource {
	return &s.chunks[(h-1)/chunk][(h-1)%chunk]
}

// take makes room for a resource.
func (s *slab) take() handle {
	s.used++
	h := s.free
	if h != 0 {
		s.free = s.at(h).next
	} else {
		h = handle(s.used) //nolint:gosec // bounded by what may wait in the spool
		if s.used > len(s.chunks)*chunk {
			s.chunks = append(s.chunks, new([chunk]resource))
		}
	}
	*s.at(h) = resource{}
	return h
}

// give gives the room back. When all of it has been, what a burst took is let go.
func (s *slab) give(h handle) {
	*s.at(h) = resource{next: s.free}
	s.free = h
	if s.used--; s.used == 0 {
		s.free, s.chunks = 0, slices.Clip(s.chunks[:1])
	}
}
